import type { HeldTrust } from '../../protocol/trust.ts';
import { subjectsOf } from './authorities.ts';

/** The keys of the coordinator that are believed, as the console shows them: a person can compare the two. */
export function describeKeys([newest = '', earlier]: readonly string[]): string {
  return `coordinator key ${newest}${earlier === undefined ? '' : `, and still ${earlier}`}`;
}

/** What is believed, for a person. `kept`: PEM of authorities that are still taken beside those that were announced. */
export function describeTrust({ keys, serial, authorities }: HeldTrust, kept: string | null): string {
  if (serial === 0) return `${describeKeys(keys)}; it has announced nothing yet`;
  const announced = namesIn(authorities) || 'none beside those of the system';
  const also = kept === null ? '' : `; still taken: ${namesIn(kept)}`;
  return `${describeKeys(keys)}; announcement ${serial}, its authorities: ${announced}${also}`;
}

function namesIn(pem: string | null): string {
  return subjectsOf(pem)
    .map((one) => `"${one}"`)
    .join(', ');
}
