import { createHash } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { Database } from '../store/schema.ts';

const HOUR_MS = 3_600_000;

/** The secret half of enrolments: makes the token that belongs to an id. */
export interface EnrolmentTokens {
  enrolmentToken(enrolmentId: string): string;
}

export interface MintedEnrolment {
  readonly token: string;
  readonly expiresAt: number;
}

/** Makes a single-use token for a Runner. The table gets its hash; the token itself is made from the id whenever it is needed. */
export async function mintEnrolment(
  tx: Transaction<Database>,
  tokens: EnrolmentTokens,
  input: { readonly id: string; readonly runnerId: string; readonly hours: number; readonly now: number },
): Promise<MintedEnrolment> {
  const { id } = input;
  const token = tokens.enrolmentToken(id);
  const expiresAt = input.now + Math.round(input.hours * HOUR_MS);
  await tx
    .insertInto('enrolment')
    .values({
      id,
      runner_id: input.runnerId,
      token_hash: createHash('sha256').update(token).digest('hex'),
      created_at: input.now,
      expires_at: expiresAt,
      downloaded_at: null,
      used_at: null,
      revoked_at: null,
      replica_id: null,
    })
    .execute();
  return { token, expiresAt };
}

/** The enrolment with this id, with its token; null when there is none. */
export async function findEnrolment(
  tx: Transaction<Database>,
  tokens: EnrolmentTokens,
  id: string,
): Promise<(MintedEnrolment & { readonly createdAt: number }) | null> {
  const row = await tx
    .selectFrom('enrolment')
    .select(['expires_at', 'created_at'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (row === undefined) return null;
  return { token: tokens.enrolmentToken(id), expiresAt: row.expires_at, createdAt: row.created_at };
}

/** The enrolment that a Runner was made with, with its token. */
export async function firstEnrolment(
  tx: Transaction<Database>,
  tokens: EnrolmentTokens,
  runnerId: string,
): Promise<MintedEnrolment> {
  const row = await tx
    .selectFrom('enrolment')
    .select(['id', 'expires_at'])
    .where('runner_id', '=', runnerId)
    .orderBy('created_at')
    .limit(1)
    .executeTakeFirstOrThrow();
  return { token: tokens.enrolmentToken(row.id), expiresAt: row.expires_at };
}

/** Makes every token of a Runner that is still open worthless. */
export async function revokeOpenEnrolments(tx: Transaction<Database>, runnerId: string, now: number): Promise<void> {
  await tx
    .updateTable('enrolment')
    .set({ revoked_at: now })
    .where('runner_id', '=', runnerId)
    .where('used_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute();
}

/** Retires replicas of a Runner, all or one. Their sessions are cut after the commit, by the caller. */
export async function revokeReplicas(
  tx: Transaction<Database>,
  runnerId: string,
  now: number,
  replicaId?: string,
): Promise<string[]> {
  const rows = await tx
    .updateTable('replica')
    .set({ revoked_at: now })
    .where('runner_id', '=', runnerId)
    .where('revoked_at', 'is', null)
    .$if(replicaId !== undefined, (query) => query.where('id', '=', replicaId ?? ''))
    .returning('id')
    .execute();
  return rows.map((row) => row.id);
}
