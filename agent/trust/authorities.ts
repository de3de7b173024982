import { createHash, X509Certificate } from 'node:crypto';
import type { RunnerConfig } from '../../protocol/enrolment.ts';
import type { HeldTrust } from '../../protocol/trust.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
/** Kept authorities above so many characters are forgotten, the oldest first: the identity file has to stay small. */
const LONGEST_KEPT = 100_000;

/** The certificates in a text, one PEM each, and how many there cannot be read. */
export function readCertificates(pem: string | null): { readonly sound: readonly string[]; readonly damaged: number } {
  const blocks = pem?.match(BLOCK) ?? [];
  const sound = blocks.filter(isReadable).map((block) => block.replaceAll('\r', ''));
  return { sound: [...new Set(sound)], damaged: blocks.length - sound.length };
}

/**
 * Which authorities are trusted beside those of the system. What the coordinator has announced takes the place of `ca` when
 * that is the coordinator's own; any other `ca` was given by the owner of the host, and stays.
 */
export function ownAuthorities(
  { ca, coordinator }: Pick<RunnerConfig, 'ca' | 'coordinator'>,
  { serial, authorities }: Pick<HeldTrust, 'serial' | 'authorities'>,
): readonly string[] {
  const isReplaced = ca !== undefined && serial > 0 && sha256(ca) === coordinator.authoritiesSha256;
  const given = ca === undefined || isReplaced ? [] : [ca];
  return [...given, ...(serial > 0 ? readCertificates(authorities).sound : [])];
}

/** What would no longer be trusted; one PEM each. */
export function droppedAuthorities(before: readonly string[], after: readonly string[]): readonly string[] {
  const stay = new Set(readCertificates(after.join('\n')).sound);
  return readCertificates(before.join('\n')).sound.filter((one) => !stay.has(one));
}

/** Authorities to keep for a while beside those in use: the ones that were dropped last, and earlier ones as far as there is room. */
export function keepAuthorities(dropped: readonly string[], kept: readonly string[]): readonly string[] {
  let room = LONGEST_KEPT;
  return [...new Set([...dropped, ...kept])].filter((one) => {
    room -= one.length + 1;
    return room >= 0;
  });
}

/** Whom a text of certificates speaks of, for a person. */
export function subjectsOf(pem: string | null): readonly string[] {
  return readCertificates(pem).sound.map((one) => new X509Certificate(one).subject.split('\n').toReversed().join(', '));
}

function isReadable(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false; // It is counted: who announced it hears of it.
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
