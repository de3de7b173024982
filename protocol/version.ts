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

/** The oldest version whose agents get work from a coordinator of this build. Version 1 was never released. */
export const OLDEST_PROTOCOL_VERSION = 2;

/**
 * The oldest version whose agents are let in at all: those below {@link OLDEST_PROTOCOL_VERSION} get no work and can be
 * upgraded. It is never raised while such agents may be out there: who is not let in can only be mended on its host.
 */
export const OLDEST_UPGRADABLE_PROTOCOL_VERSION = 2;

export interface ProtocolRange {
  readonly current: number;
  readonly oldest: number;
  readonly oldestUpgradable: number;
}

export const PROTOCOL_RANGE: ProtocolRange = {
  current: PROTOCOL_VERSION,
  oldest: OLDEST_PROTOCOL_VERSION,
  oldestUpgradable: OLDEST_UPGRADABLE_PROTOCOL_VERSION,
};

/** What a coordinator does with an agent that speaks `version`; those that are too old or too new are turned away. */
export function protocolStanding(
  version: number,
  range: ProtocolRange,
): 'works' | 'upgrade-only' | 'too-old' | 'too-new' {
  if (version > range.current) return 'too-new';
  if (version < range.oldestUpgradable) return 'too-old';
  return version < range.oldest ? 'upgrade-only' : 'works';
}

/** Outrunner's own version, for people. No code branches on it. */
export const PRODUCT_VERSION = '0.1.0';
