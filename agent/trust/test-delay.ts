/**
 * How long to wait before authorities are tried, in milliseconds: below `spreadMs`, each moment of it as likely as any other.
 * After an announcement, and after its coordinator was started anew, a whole fleet has the same question, is the certificate
 * taken without the authorities of before, and each answer costs the coordinator a connection of its own.
 */
export function testDelayMs(random: () => number, spreadMs: number): number {
  return Math.floor(random() * spreadMs);
}
