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
import type { TrustBook } from './trust-book.ts';

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
  readonly trust: TrustBook;
  /** Keeps why an agent was turned away, so that the wizard can name it. */
  recordRefusal(refusal: Refusal): Promise<void>;
  /** A replica came to be; those in `revoked` are no more. */
  enrolled(replica: NewReplica, revoked: string[]): void;
}

export interface NewReplica {
  readonly id: string;
  readonly runnerId: string;
  readonly maxOperations: number;
  /** What it believes: what it says itself, else the key in the package that it came with. */
  readonly believedKey: string;
  readonly trustSerial: number | null;
}

interface Enrolled {
  readonly replica: string;
  readonly name: string;
  readonly maxOperations: number;
  readonly revoked: string[];
  readonly believedKey: string;
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
    const { trust } = deps;
    const done = await deps.store.write((tx) => useToken(tx, { ...deps, request, address }));
    const { replica, name, maxOperations, believedKey } = done;
    const trustSerial = request.trust?.serial ?? null;
    deps.enrolled({ id: replica, runnerId: request.runner, maxOperations, believedKey, trustSerial }, done.revoked);
    const coordinatorPublicKey = trust.signerFor(request.trust?.keys ?? [believedKey]);
    const news = request.trust === undefined ? null : trust.newsFor(request.trust);
    return {
      replica,
      runner: { id: request.runner, name },
      coordinatorPublicKey,
      signature: trust.sign(enrolmentAnswer(replica, request), coordinatorPublicKey),
      ...(news === null ? {} : { trust: news }),
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
  {
    clock,
    trust,
    request,
    address,
  }: Pick<EnrolDeps, 'clock' | 'trust'> & { readonly request: EnrolRequest; readonly address: string },
): Promise<Enrolled> {
  const now = clock.now();
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
  const believedKey = request.trust?.keys[0] ?? trust.keyAt(token.downloaded_at ?? now);
  const common = { name: runner.name, maxOperations: runner.max_operations, believedKey };
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
      believed_key: believedKey,
      trust_serial: request.trust?.serial ?? null,
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
