import { createHash } from 'node:crypto';
import type { SshHostKey } from '../../protocol/api/ssh-installs.ts';

/** A host key as it comes over the wire: the type as a counted text, then the rest. */
export function describeHostKey(key: Buffer): SshHostKey {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  const type = length > 0 && length <= 64 ? key.toString('latin1', 4, 4 + length) : 'unknown';
  const digest = createHash('sha256').update(key).digest('base64').replace(/=+$/, '');
  return { type: /^[\x21-\x7e]+$/.test(type) ? type : 'unknown', fingerprint: `SHA256:${digest}` };
}

/** Algorithms of host keys that we take, best first. */
const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;
export type HostKeyAlgorithm = (typeof ALGORITHMS)[number];

/**
 * The algorithms to ask for. A host may have keys of several types: the type that is known goes first, or a host that got
 * a further key would look like one whose key was changed.
 */
export function hostKeyAlgorithms(knownType: string | null): HostKeyAlgorithm[] {
  const fits = (algorithm: string) =>
    knownType === 'ssh-rsa' ? algorithm.startsWith('rsa-') : algorithm === knownType;
  return [...ALGORITHMS.filter(fits), ...ALGORITHMS.filter((algorithm) => !fits(algorithm))];
}
