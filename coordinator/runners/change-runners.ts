import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type {
  ModeChangeSchema,
  NewEnrolmentSchema,
  NewRunnerSchema,
  RunnerChangeSchema,
} from '../../protocol/api/runners.ts';
import type { Clock } from '../../protocol/clock.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { isRepeat } from '../http/idempotency.ts';
import type { Presence, WorkSignal } from '../presence.ts';
import type { Store } from '../store/store.ts';
import {
  type EnrolmentTokens,
  findEnrolment,
  firstEnrolment,
  type MintedEnrolment,
  mintEnrolment,
  revokeOpenEnrolments,
  revokeReplicas,
} from './enrolments.ts';
import { needFreeName, writeAssignments, writeTags } from './runner-input.ts';

/** The changes that people make to Runners. Each is one commit; what follows from it (sessions, events) comes after it. */

export interface ChangeDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly presence: Presence;
  readonly tokens: EnrolmentTokens;
  readonly signal: WorkSignal;
  /** A Runner was written: what is kept of it in memory is read again and consoles are told. */
  written(runnerId: string, action: 'created' | 'updated' | 'deleted'): Promise<void>;
}

/**
 * Makes a Runner with its first single-use token. With the id of one that was made lately, that one is meant: the answer
 * to the call that made it was lost. @throws OutrunnerError `name-taken`, `invalid-input`.
 */
export async function createRunner(
  deps: ChangeDeps,
  input: z.output<typeof NewRunnerSchema>,
  onceId: string = randomUUID(),
): Promise<{ id: string; enrolment: MintedEnrolment }> {
  const now = deps.clock.now();
  const { id, enrolment } = await deps.store.write(async (tx) => {
    const made = await tx.selectFrom('runner').select('created_at').where('id', '=', onceId).executeTakeFirst();
    if (made !== undefined && isRepeat(made.created_at, now)) {
      return { id: onceId, enrolment: await firstEnrolment(tx, deps.tokens, onceId) };
    }
    const id = made === undefined ? onceId : randomUUID();
    await needFreeName(tx, input.name, null);
    await tx
      .insertInto('runner')
      .values({
        id,
        name: input.name,
        name_key: sameNameKey(input.name),
        description: input.description,
        max_operations: input.maxOperations,
        replica_mode: input.replicas,
        mode: 'active',
        mode_reason: null,
        mode_by: null,
        mode_until: null,
        mode_since: null,
        status_last: 'New',
        status_since: now,
        created_at: now,
        updated_at: now,
      })
      .execute();
    await writeTags(tx, id, input.tags);
    await writeAssignments(tx, id, input.projects);
    const first = { id: randomUUID(), runnerId: id, hours: input.tokenHours, now };
    return { id, enrolment: await mintEnrolment(tx, deps.tokens, first) };
  });
  await deps.written(id, 'created');
  return { id, enrolment };
}

/** Changes what is given and leaves the rest. @throws OutrunnerError `not-found`, `name-taken`, `invalid-input`. */
export async function updateRunner(
  deps: ChangeDeps,
  id: string,
  change: z.output<typeof RunnerChangeSchema>,
): Promise<void> {
  const { name, description, maxOperations, tags, projects } = change;
  await deps.store.write(async (tx) => {
    if (name !== undefined) await needFreeName(tx, name, id);
    const found = await tx
      .updateTable('runner')
      .set({
        updated_at: deps.clock.now(),
        ...(name === undefined ? {} : { name, name_key: sameNameKey(name) }),
        ...(description === undefined ? {} : { description }),
        ...(maxOperations === undefined ? {} : { max_operations: maxOperations }),
      })
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst();
    if (found === undefined) throw noSuchRunner();
    if (tags !== undefined) await writeTags(tx, id, tags);
    if (projects !== undefined) await writeAssignments(tx, id, projects);
  });
  if (maxOperations !== undefined) deps.presence.setMaximum(id, maxOperations);
  await deps.written(id, 'updated');
  deps.signal.poke();
}

/** Deletes a Runner and cuts its replicas off. @throws OutrunnerError `runner-has-work` unless `force`. */
export async function deleteRunner(deps: ChangeDeps, id: string, force: boolean): Promise<void> {
  const replicas = await deps.store.write(async (tx) => {
    const found = await tx.selectFrom('runner').select('id').where('id', '=', id).executeTakeFirst();
    if (found === undefined) throw noSuchRunner();
    const work = await tx
      .selectFrom('execution')
      .select((execution) => execution.fn.countAll<number>().as('count'))
      .where('runner_id', '=', id)
      .where('state', 'in', ['queued', 'running', 'stopping'])
      .executeTakeFirstOrThrow();
    const held = deps.presence.ofRunner(id).reduce((sum, one) => sum + one.running + one.queued + one.reserved, 0);
    if (!force && Math.max(work.count, held) > 0) {
      const count = Math.max(work.count, held);
      const detail = `It has ${count} ${count === 1 ? 'operation' : 'operations'} that have not ended.`;
      throw new OutrunnerError('runner-has-work', { detail });
    }
    const retired = await revokeReplicas(tx, id, deps.clock.now());
    await tx.deleteFrom('runner').where('id', '=', id).execute();
    return retired;
  });
  for (const replica of replicas) deps.presence.revoke(replica);
  await deps.written(id, 'deleted');
  deps.signal.poke();
}

/**
 * Makes a new single-use token. With `revoke` everything that was given out before is worthless: open tokens, and the
 * identities of the present replicas. With the id of an enrolment that was made lately, that one is meant: the answer to the
 * call that made it was lost. @throws OutrunnerError `not-found`.
 */
export async function createEnrolment(
  deps: ChangeDeps,
  id: string,
  input: z.output<typeof NewEnrolmentSchema>,
  onceId: string = randomUUID(),
): Promise<MintedEnrolment> {
  const now = deps.clock.now();
  const { enrolment, retired } = await deps.store.write(async (tx) => {
    const made = await findEnrolment(tx, deps.tokens, onceId);
    if (made !== null && isRepeat(made.createdAt, now)) return { enrolment: made, retired: [] };
    const enrolmentId = made === null ? onceId : randomUUID();
    const runner = await tx.selectFrom('runner').select('replica_mode').where('id', '=', id).executeTakeFirst();
    if (runner === undefined) throw noSuchRunner();
    // A Runner of one replica has one open token; of several, each waiting host keeps its own.
    if (input.revoke || runner.replica_mode === 'single') await revokeOpenEnrolments(tx, id, now);
    const replicas = input.revoke ? await revokeReplicas(tx, id, now) : [];
    const minted = await mintEnrolment(tx, deps.tokens, {
      id: enrolmentId,
      runnerId: id,
      hours: input.tokenHours,
      now,
    });
    return { enrolment: minted, retired: replicas };
  });
  for (const replica of retired) deps.presence.revoke(replica);
  await deps.written(id, 'updated');
  return enrolment;
}

/** Retires one replica: its identity is worthless from now on. @throws OutrunnerError `not-found`. */
export async function retireReplica(deps: ChangeDeps, id: string, replicaId: string): Promise<void> {
  const retired = await deps.store.write((tx) => revokeReplicas(tx, id, deps.clock.now(), replicaId));
  if (retired.length === 0) throw new OutrunnerError('not-found', { detail: 'There is no such replica.' });
  deps.presence.revoke(replicaId);
  await deps.written(id, 'updated');
}

/** Pauses, drains or resumes. @throws OutrunnerError `not-found`, or `invalid-input` for an end that has passed. */
export async function setMode(
  deps: ChangeDeps,
  id: string,
  change: z.output<typeof ModeChangeSchema>,
  by: string,
): Promise<void> {
  const now = deps.clock.now();
  const until = change.until === null ? null : Date.parse(change.until);
  if (until !== null && until <= now) {
    const message = 'The end must be in the future.';
    throw new OutrunnerError('invalid-input', { detail: message, fields: [{ path: 'until', message }] });
  }
  const active = change.mode === 'active';
  await deps.store.write(async (tx) => {
    const found = await tx
      .updateTable('runner')
      .set({
        mode: change.mode,
        mode_reason: active ? null : change.reason,
        mode_by: active ? null : by,
        mode_until: active ? null : until,
        mode_since: active ? null : now,
        updated_at: now,
      })
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst();
    if (found === undefined) throw noSuchRunner();
  });
  await deps.written(id, 'updated');
  deps.signal.poke();
}

function noSuchRunner(): OutrunnerError {
  return new OutrunnerError('not-found', { detail: 'There is no such Runner.' });
}
