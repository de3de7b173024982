import { z } from 'zod';
import { CaPemSchema, PublicKeySchema, SignatureSchema } from './trust-fields.ts';

/**
 * Whom an agent believes: the keys that its coordinator signs with, and the authorities behind the coordinator's certificate.
 * Both can be replaced while agents are connected, away, or not even enrolled yet:
 *
 * - each new key is named by the one before it (a {@link KeyLink}), so that whoever believes an old key can walk to the newest,
 *   however long it was away;
 * - what holds now is said in a {@link TrustStatement} that the newest key signs. A statement takes keys away; only links add any.
 *
 * Nothing of this is secret, and nothing of it relies on the connection: an agent may read it from whoever hands it over.
 */

/** `from` names `to` as the key that follows it. Both sign, so that nobody is given a key that is not theirs. */
export const KeyLinkSchema = z
  .object({
    from: PublicKeySchema,
    to: PublicKeySchema,
    /** Milliseconds since the epoch. */
    at: z.number().int().min(0),
    signatures: z.object({ from: SignatureSchema, to: SignatureSchema }),
  })
  .meta({ id: 'KeyLink' });
export type KeyLink = z.infer<typeof KeyLinkSchema>;

/** All links from the first key of a coordinator to its newest, oldest first. */
export const SuccessionSchema = z.array(KeyLinkSchema).max(1000);

/** What holds now. */
export const TrustStatementSchema = z.object({
  /** Rises with every statement of a coordinator; a time, so that it also rises after a backup was restored. */
  serial: z.number().int().min(1),
  /** Keys that the coordinator may sign with, the newest first. Two: the old one may still be in use. */
  keys: z.array(PublicKeySchema).min(1).max(2),
  /** Certificates in PEM of the authorities behind the coordinator's certificate; null: none beside those of the system. */
  authorities: CaPemSchema.nullable(),
});
export type TrustStatement = z.infer<typeof TrustStatementSchema>;

/** A statement as it travels. */
export const TrustAnnouncementSchema = z
  .object({
    succession: SuccessionSchema,
    /** A {@link TrustStatement} as JSON text. */
    statement: z.string().max(300_000),
    /** Of the newest key, over {@link trustSigningText}. */
    signature: SignatureSchema,
  })
  .meta({ id: 'TrustAnnouncement' });
export type TrustAnnouncement = z.infer<typeof TrustAnnouncementSchema>;

/** Where an announcement can be fetched without an identity, also by who does not believe the server's certificate (yet). */
export const TRUST_PATH = '/runner/v1/trust';

/** What one agent believes; a part of its identity. */
export const HeldTrustSchema = z.object({
  /** Keys that it believes, the newest first. */
  keys: z.array(PublicKeySchema).min(1).max(2),
  /** Keys that it believed once: it knows its coordinator by them, and believes nothing that they sign. */
  former: z.array(PublicKeySchema).max(1000).default([]),
  /** Of the statement that it holds; 0: none yet. */
  serial: z.number().int().min(0).default(0),
  /** Of that statement. */
  authorities: CaPemSchema.nullable().default(null),
});
export type HeldTrust = z.infer<typeof HeldTrustSchema>;

/** What an agent says of it. */
export const ToldTrustSchema = z.object({
  keys: z.array(PublicKeySchema).min(1).max(2),
  serial: z.number().int().min(0),
});
export type ToldTrust = z.infer<typeof ToldTrustSchema>;

/** Whether `signature` over the UTF-8 bytes of `text` was made with this raw Ed25519 key. Must not throw. */
export type VerifySignature = (publicKey: string, text: string, signature: string) => boolean;

/** The text that both keys of a link sign. */
export function keyLinkText(link: Pick<KeyLink, 'from' | 'to' | 'at'>): string {
  return `outrunner-key-link-v1\n${link.from}\n${link.to}\n${link.at}`;
}

/** The text that the newest key signs of a statement. */
export function trustSigningText(statement: string): string {
  return `outrunner-trust-v1\n${statement}`;
}

/**
 * The keys on the way from `key` to the newest, `key` first. Links that do not begin where the last one ended, or that are
 * not signed by both keys, lead nowhere.
 */
export function followKeys(key: string, succession: readonly KeyLink[], verify: VerifySignature): readonly string[] {
  const way = [key];
  for (const link of succession) {
    if (link.from !== way.at(-1) || way.includes(link.to)) continue;
    const text = keyLinkText(link);
    if (verify(link.from, text, link.signatures.from) && verify(link.to, text, link.signatures.to)) way.push(link.to);
  }
  return way;
}

/** What an announcement makes of what an agent believes. */
export type TrustOutcome =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'changed'; readonly held: HeldTrust }
  /** Not believed, or older than what is held. `why` is for a log. */
  | { readonly kind: 'ignored'; readonly why: string };

/**
 * Weighs an announcement, whoever it came from. Only the newest key that is believed can lead to a newer one and say what
 * holds: a key that has a successor can do neither, even while what it signs is still taken.
 */
export function weighTrust(held: HeldTrust, announced: TrustAnnouncement, verify: VerifySignature): TrustOutcome {
  const way = followKeys(newestKey(held), announced.succession, verify);
  const newest = way.at(-1) as string;
  if (!verify(newest, trustSigningText(announced.statement), announced.signature)) {
    return { kind: 'ignored', why: 'it is not signed by the newest key of the coordinator' };
  }
  const statement = readStatement(announced.statement);
  if (statement === null) return { kind: 'ignored', why: 'the statement cannot be read' };
  if (statement.keys[0] !== newest) return { kind: 'ignored', why: 'it names another key as the newest' };
  if (statement.serial < held.serial) return { kind: 'ignored', why: 'it is older than the one that is held' };
  if (statement.serial === held.serial && way.length === 1) return { kind: 'unchanged' };
  const believed = [...new Set([...way.toReversed(), ...held.keys])];
  const keys = believed.filter((key) => statement.keys.includes(key));
  const former = [...believed.filter((key) => !keys.includes(key)), ...held.former];
  return {
    kind: 'changed',
    held: { keys, former: [...new Set(former)], serial: statement.serial, authorities: statement.authorities },
  };
}

/** The newest key that is believed. */
export function newestKey(held: Pick<HeldTrust, 'keys'>): string {
  return held.keys[0] as string;
}

/** Whether this key is, or once was, that of the coordinator that is believed. */
export function isKnownKey(held: Pick<HeldTrust, 'keys' | 'former'>, key: string): boolean {
  return held.keys.includes(key) || held.former.includes(key);
}

function readStatement(text: string): TrustStatement | null {
  try {
    const parsed = TrustStatementSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    // Signed, and yet no JSON: of a later version than this one.
    return null;
  }
}
