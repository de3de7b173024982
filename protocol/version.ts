/**
 * The one protocol version: a single integer that both ends state in the handshake.
 *
 * The coordinator branches on this number, never on a product version. A step that an older agent must not miss raises
 * it and is written into the list below; unknown *fields* never raise it (they are ignored by both ends).
 *
 * - 1 (2026-11): enrolment, signed handshake, heartbeat with credit, signed operations with command and script steps,
 *   journal frames with cumulative acknowledgement, cancel, ping, mode of the Runner.
 * - 2 (2026-11): the heartbeat lists what is being delivered and renews the leases of what it lists alone; what never started
 *   can be handed back; limits of output.
 */
export const PROTOCOL_VERSION = 2;

/** The oldest version that a coordinator of this build still talks to. Version 1 was never released. */
export const OLDEST_PROTOCOL_VERSION = 2;

/** Outrunner's own version, for people. No code branches on it. */
export const PRODUCT_VERSION = '0.1.0';
