import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../protocol/clock.ts';
import type { Store } from '../store/store.ts';
import { HOST_FACTS } from './simulated-agent.ts';

/** Rows that other rooms write, for tests and benchmarks of the rooms that read them. */

interface Place {
  readonly store: Store;
  readonly clock: Clock;
}

export interface RunnerChange {
  readonly tags?: readonly string[];
  readonly replicas?: 'single' | 'several';
  readonly maximum?: number;
}

export async function insertProject({ store, clock }: Place, name: string): Promise<{ id: string; name: string }> {
  const id = randomUUID();
  const now = clock.now();
  const row = { id, name, name_key: name.toLowerCase(), label: name, description: '', selection: 'automatic' as const };
  await store.write((tx) =>
    tx
      .insertInto('project')
      .values({ ...row, created_at: now, updated_at: now })
      .execute(),
  );
  return { id, name };
}

export async function insertRunner(
  { store, clock }: Place,
  name: string,
  projects: readonly { id: string }[] = [],
  more: RunnerChange = {},
): Promise<string> {
  const id = randomUUID();
  const now = clock.now();
  await store.write(async (tx) => {
    await tx
      .insertInto('runner')
      .values({
        id,
        name,
        name_key: name.toLowerCase(),
        description: name,
        max_operations: more.maximum ?? 50,
        replica_mode: more.replicas ?? 'single',
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
    for (const [position, tag] of (more.tags ?? ['linux']).entries()) {
      const row = { runner_id: id, position, tag, tag_key: tag.toLowerCase() };
      await tx.insertInto('runner_tag').values(row).execute();
    }
    for (const project of projects) {
      const flags = { as_node: 1 as const, remote_dispatch: 0 as const, node_filter: '.*' };
      await tx
        .insertInto('assignment')
        .values({ runner_id: id, project_id: project.id, ...flags })
        .execute();
    }
  });
  return id;
}

export async function insertEnrolment(
  { store, clock }: Place,
  runnerId: string,
  lifeMs: number,
): Promise<{ id: string; token: string }> {
  const token = `ore_${randomBytes(32).toString('base64url')}`;
  const id = randomUUID();
  const now = clock.now();
  const none = { downloaded_at: null, used_at: null, revoked_at: null, replica_id: null };
  const token_hash = createHash('sha256').update(token).digest('hex');
  await store.write((tx) =>
    tx
      .insertInto('enrolment')
      .values({ id, runner_id: runnerId, token_hash, created_at: now, expires_at: now + lifeMs, ...none })
      .execute(),
  );
  return { id, token };
}

/** A replica as an enrolment leaves it, with keys whose private halves the caller keeps. */
export async function insertReplica(
  { store, clock }: Place,
  runnerId: string,
  keys: { readonly signingPublic: string; readonly sealingPublic: string },
): Promise<string> {
  const id = randomUUID();
  const now = clock.now();
  const never = { started_at: null, revoked_at: null, last_seen: null, duplicate_seen_at: null };
  await store.write((tx) =>
    tx
      .insertInto('replica')
      .values({
        id,
        runner_id: runnerId,
        signing_key: keys.signingPublic,
        sealing_key: keys.sealingPublic,
        facts: JSON.stringify(HOST_FACTS),
        address: '127.0.0.1',
        enrolled_at: now,
        said_goodbye: 0,
        epoch: 0,
        maximum: 50,
        ...never,
      })
      .execute(),
  );
  return id;
}
