import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AGENT_EXIT, type Identity, IdentitySchema } from '../../protocol/enrolment.ts';
import { fieldsOf } from '../../protocol/problems.ts';
import { type HeldTrust, HeldTrustSchema, newestKey } from '../../protocol/trust.ts';
import { CaPemSchema } from '../../protocol/trust-fields.ts';
import { AgentExit, systemCode } from '../agent-exit.ts';
import { withReserve } from '../host/disk-reserve.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { makeReplicaKeys, privateKeyFrom, privateKeyText, type ReplicaKeys } from './key-pair.ts';

const IDENTITY = 'identity.json';
const ENROLMENT = 'enrolment.json';
const RawSchema = z.record(z.string(), z.unknown());

/**
 * What is remembered about enrolling: keys that were made but not answered yet, so that a call whose answer got lost is
 * repeated with the same keys; and which token was spent, so that one that could not be removed is not tried again.
 */
const EnrolmentFileSchema = z.object({
  spentToken: z.string().nullable(),
  pending: z.object({ token: z.string(), signingKey: z.string(), sealingKey: z.string() }).nullable(),
});
type EnrolmentFile = z.infer<typeof EnrolmentFileSchema>;

/** The identity of this replica; null when it has none yet. */
export async function loadIdentity(state: string): Promise<Identity | null> {
  const path = join(state, IDENTITY);
  const text = await readText(path);
  if (text === null) return null;
  try {
    const identity = readIdentity(JSON.parse(text));
    privateKeyFrom(identity.signingKey);
    return identity;
  } catch (error) {
    const what =
      error instanceof z.ZodError ? fieldsOf(error).map((f) => `${f.path}: ${f.message}`) : ['it is damaged'];
    throw new AgentExit(
      AGENT_EXIT.configuration,
      `${path} cannot be used: ${what.join(' ')}.`,
      'Download the Runner again from the console and enrol it anew.',
    );
  }
}

/** A trust that is damaged, or not that of the key beside it, is none: then that key is believed, and leads to the rest anew. */
function readIdentity(json: unknown): Identity {
  const { trust, keptAuthorities, ...rest } = RawSchema.parse(json);
  const identity = IdentitySchema.parse(rest);
  const held = HeldTrustSchema.safeParse(trust);
  if (!held.success || newestKey(held.data) !== identity.coordinator.publicKey) return identity;
  const kept = CaPemSchema.safeParse(keptAuthorities);
  return { ...identity, trust: held.data, ...(kept.success ? { keptAuthorities: kept.data } : {}) };
}

/**
 * Puts what is believed into the identity, in one step; all else in it stays, also what this version does not know. Rejects
 * when that was not possible: then the file is as it was.
 */
export async function saveTrust(state: string, held: HeldTrust, keptAuthorities: string | null): Promise<void> {
  const path = join(state, IDENTITY);
  const { keptAuthorities: _, ...raw } = RawSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  const next = {
    ...raw,
    // An earlier version, which knows this key alone, can go on with it.
    coordinator: { ...RawSchema.parse(raw.coordinator), publicKey: newestKey(held) },
    trust: held,
    ...(keptAuthorities === null ? {} : { keptAuthorities }),
  };
  await withReserve(state, () => writeFileAtomic(path, `${JSON.stringify(next, null, 2)}\n`, 0o600));
}

/** Deletes what writes that were cut off have left: it holds private keys. Call it while nobody writes. */
export async function sweepIdentity(state: string): Promise<void> {
  const left = new RegExp(`^\\.(?:${IDENTITY}|${ENROLMENT})\\..+\\.tmp$`);
  for (const name of await readdir(state)) if (left.test(name)) await rm(join(state, name), { force: true });
}

/** Writes the identity (0600) and remembers that `token` is spent. */
export async function saveIdentity(state: string, identity: Identity, token: string): Promise<void> {
  await writeFileAtomic(join(state, IDENTITY), `${JSON.stringify(identity, null, 2)}\n`, 0o600);
  await writeEnrolmentFile(state, { spentToken: digest(token), pending: null });
}

/** Whether this token already gave the identity that is here. */
export async function isSpent(state: string, token: string): Promise<boolean> {
  return (await readEnrolmentFile(state)).spentToken === digest(token);
}

/** Keys for an enrolment with `token`: those of an unanswered earlier try, else fresh ones, written down first. */
export async function keysForEnrolment(state: string, token: string): Promise<ReplicaKeys> {
  const file = await readEnrolmentFile(state);
  if (file.pending !== null && file.pending.token === digest(token)) {
    return { signing: privateKeyFrom(file.pending.signingKey), sealing: privateKeyFrom(file.pending.sealingKey) };
  }
  const keys = makeReplicaKeys();
  await writeEnrolmentFile(state, {
    ...file,
    pending: {
      token: digest(token),
      signingKey: privateKeyText(keys.signing),
      sealingKey: privateKeyText(keys.sealing),
    },
  });
  return keys;
}

/** Drops keys that will never be answered: the coordinator refused the token. */
export async function forgetPendingKeys(state: string): Promise<void> {
  const file = await readEnrolmentFile(state);
  if (file.pending === null) return;
  if (file.spentToken === null) await rm(join(state, ENROLMENT), { force: true });
  else await writeEnrolmentFile(state, { ...file, pending: null });
}

/** What is wrong with the files that hold the keys; null when they are as they must be. */
export async function keyFileProblem(state: string): Promise<string | null> {
  const path = join(state, IDENTITY);
  try {
    const { mode } = await stat(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      return `${path} can be read by others: set its mode to 0600.`;
    return null;
  } catch (error) {
    return `${path} cannot be read (${systemCode(error)}).`;
  }
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw new AgentExit(
      AGENT_EXIT.configuration,
      `${path} cannot be read (${systemCode(error)}).`,
      'Check its owner and mode.',
    );
  }
}

async function readEnrolmentFile(state: string): Promise<EnrolmentFile> {
  const text = await readText(join(state, ENROLMENT));
  if (text === null) return { spentToken: null, pending: null };
  try {
    return EnrolmentFileSchema.parse(JSON.parse(text));
  } catch {
    // A memory only: without it, the worst is one call that the coordinator refuses with its reason.
    return { spentToken: null, pending: null };
  }
}

async function writeEnrolmentFile(state: string, file: EnrolmentFile): Promise<void> {
  await writeFileAtomic(join(state, ENROLMENT), `${JSON.stringify(file)}\n`, 0o600);
}
