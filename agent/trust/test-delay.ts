/**
 * After an announcement, and after its coordinator was started anew, a whole fleet has the same question: is the certificate
 * taken without the authorities of before? Each answer costs the coordinator a connection of its own.
 */
const SPREAD_MS = 20_000;

/** How long to wait before that is tried, in milliseconds: below 20 s, and each moment of it as likely as any other. */
export function testDelayMs(random: () => number): number {
  return Math.floor(random() * SPREAD_MS);
}
