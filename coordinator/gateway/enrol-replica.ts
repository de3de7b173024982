import { createHash, randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { z } from 'zod';
import type { Clock } from '../../protocol/clock.ts';
import {
  type EnrolRequest,
  type EnrolResponseSchema,
  enrolmentAnswer,
  enrolmentProof,
} from '../../protocol/enrolment.ts';
import { OutrunnerError, type ProblemCode } from '../../protocol/problems.ts';
import { PROTOCOL_RANGE } from '../../protocol/version.ts';
import type { Database } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { protocolRefused } from './protocol-refused.ts';
import { isSignedBy } from './signatures.ts';

export type EnrolResponse = z.infer<typeof EnrolResponseSchema>;

export interface Refusal {
  readonly runnerId: string | null;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly address: string;
}

export interface EnrolDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly keys: { readonly publicKey: string; sign(text: string): string };
  /** Keeps why an agent was turned away, so that the wizard can name it. */
  recordRefusal(refusal: Refusal): Promise<void>;
  /** A replica came to be; those in `revoked` are no more. */
  enrolled(replica: { id: string; runnerId: string; maxOperations: number; address: string }, revoked: string[]): void;
}

interface Enrolled {
  readonly replica: string;
  readonly name: string;
  readonly maxOperations: number;
  readonly revoked: string[];
}

/**
 * Exchanges a single-use token for an identity: checks the token and the proof of possession, and in one transaction
 * marks the token used and stores the replica's public keys. The same request again (its answer was lost on the way)
 * gets the same answer.
 * @throws OutrunnerError `protocol-unsupported`, `protocol-too-new`, `signature-refused`, or one of `enrolment-…`.
 */
export async function enrolReplica(deps: EnrolDeps, request: EnrolRequest, address: string): Promise<EnrolResponse> {
  try {
    checkRequest(request);
    const done = await deps.store.write((tx) => useToken(tx, deps.clock.now(), request, address));
    const { replica, name } = done;
    deps.enrolled({ id: replica, runnerId: request.runner, maxOperations: done.maxOperations, address }, done.revoked);
    return {
      replica,
      runner: { id: request.runner, name },
      coordinatorPublicKey: deps.keys.publicKey,
      signature: deps.keys.sign(enrolmentAnswer(replica, request)),
    };
  } catch (error) {
    if (error instanceof OutrunnerError && error.status < 500) {
      const known = await deps.store.read
        .selectFrom('runner')
        .select('id')
        .where('id', '=', request.runner)
        .executeTakeFirst();
      await deps.recordRefusal({ runnerId: known?.id ?? null, code: error.code, detail: error.message, address });
    }
    throw error;
  }
}

function checkRequest(request: EnrolRequest): void {
  // Nothing is upgraded that is not enrolled.
  const range = { ...PROTOCOL_RANGE, oldestUpgradable: PROTOCOL_RANGE.oldest };
  const refused = protocolRefused(request.protocol, request.host, range);
  if (refused !== null) throw refused;
  if (!isSignedBy(request.signingKey, enrolmentProof(request), request.proof)) {
    throw new OutrunnerError('signature-refused', { detail: 'The proof does not fit the signing key.' });
  }
}

async function useToken(
  tx: Transaction<Database>,
  now: number,
  request: EnrolRequest,
  address: string,
): Promise<Enrolled> {
  const hash = createHash('sha256').update(request.token).digest('hex');
  const token = await tx.selectFrom('enrolment').selectAll().where('token_hash', '=', hash).executeTakeFirst();
  if (token === undefined) throw new OutrunnerError('enrolment-token-unknown');
  if (token.runner_id !== request.runner) throw new OutrunnerError('enrolment-wrong-runner');
  if (token.revoked_at !== null) throw new OutrunnerError('enrolment-token-revoked');
  const runner = await tx
    .selectFrom('runner')
    .select(['name', 'replica_mode', 'max_operations'])
    .where('id', '=', token.runner_id)
    .executeTakeFirstOrThrow();
  const common = { name: runner.name, maxOperations: runner.max_operations };
  if (token.used_at !== null) {
    const again = await sameReplica(tx, token.replica_id, request);
    if (again !== null) return { replica: again, ...common, revoked: [] };
    throw new OutrunnerError('enrolment-token-used', {
      detail: `This enrolment token was already used, at ${new Date(token.used_at).toISOString()}.`,
    });
  }
  if (token.expires_at <= now) {
    throw new OutrunnerError('enrolment-token-expired', {
      detail: `This enrolment token expired at ${new Date(token.expires_at).toISOString()}.`,
    });
  }
  // One host for this Runner: whoever enrols now takes the place of who was there.
  const revoked = runner.replica_mode === 'single' ? await revokeReplicas(tx, token.runner_id, now) : [];
  const replica = randomUUID();
  await tx
    .insertInto('replica')
    .values({
      id: replica,
      runner_id: token.runner_id,
      signing_key: request.signingKey,
      sealing_key: request.sealingKey,
      facts: JSON.stringify(request.host),
      address,
      enrolled_at: now,
      started_at: null,
      revoked_at: null,
      last_seen: null,
      said_goodbye: 0,
      epoch: 0,
      duplicate_seen_at: null,
      maximum: runner.max_operations,
    })
    .execute();
  await tx.updateTable('enrolment').set({ used_at: now, replica_id: replica }).where('id', '=', token.id).execute();
  return { replica, ...common, revoked };
}

/** The replica that this very agent made with this token before, if that is still valid. */
async function sameReplica(
  tx: Transaction<Database>,
  replicaId: string | null,
  request: EnrolRequest,
): Promise<string | null> {
  if (replicaId === null) return null;
  const row = await tx
    .selectFrom('replica')
    .select('id')
    .where('id', '=', replicaId)
    .where('signing_key', '=', request.signingKey)
    .where('sealing_key', '=', request.sealingKey)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return row?.id ?? null;
}

async function revokeReplicas(tx: Transaction<Database>, runnerId: string, now: number): Promise<string[]> {
  const rows = await tx
    .updateTable('replica')
    .set({ revoked_at: now })
    .where('runner_id', '=', runnerId)
    .where('revoked_at', 'is', null)
    .returning('id')
    .execute();
  return rows.map((row) => row.id);
}
