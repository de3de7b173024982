import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { NewUpgradeSchema } from '../../protocol/api/upgrades.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { compareVersions } from '../../protocol/product-version.ts';
import { ringsOf } from '../../protocol/upgrade-rings.ts';
import { isRepeat } from '../http/idempotency.ts';
import type { RunnerIndex } from '../runners/runner-index.ts';
import type { RunnerRecord } from '../runners/runner-record.ts';
import type { UpgradeReplicaTable, UpgradeTable } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { type UpgradeRecord, upgradeRecord } from './upgrade-life.ts';

export interface MakeUpgrade {
  readonly input: z.output<typeof NewUpgradeSchema>;
  readonly version: string;
  readonly by: string;
  readonly onceId: string | undefined;
  readonly now: number;
  /** Replicas that another upgrade has in hand. */
  readonly busy: ReadonlySet<string>;
}

/**
 * Writes a new upgrade down: every replica of the named Runners that has another version. With the id of one that was made
 * lately, that one is meant, and null is returned. @throws OutrunnerError `not-found`, `invalid-input`, `conflict`.
 */
export async function makeUpgrade(store: Store, index: RunnerIndex, make: MakeUpgrade): Promise<UpgradeRecord | null> {
  const { input, version, now, onceId } = make;
  const wanted = wantedRunners(index, input.runners);
  const replicas = wanted.flatMap((runner) =>
    runner.replicas
      .filter(({ facts }) => isWanted(facts.agentVersion, version, input.allowDowngrade))
      .map((replica) => ({ runner, replica })),
  );
  if (onceId !== undefined) {
    const made = await store.read
      .selectFrom('upgrade')
      .select('created_at')
      .where('id', '=', onceId)
      .executeTakeFirst();
    if (made !== undefined && isRepeat(made.created_at, now)) return null;
  }
  const taken = replicas.find(({ replica }) => make.busy.has(replica.row.id));
  if (taken !== undefined) {
    throw new OutrunnerError('conflict', {
      detail: `${taken.runner.row.name} is part of an upgrade that is under way. Wait for it, or cancel it.`,
    });
  }
  if (replicas.length === 0) {
    throw new OutrunnerError('conflict', {
      detail: `None of these agents has an older version than ${version}: there is nothing to upgrade.`,
    });
  }
  const id = onceId ?? randomUUID();
  const rings = ringsOf(replicas.length, input.rings);
  const row: UpgradeTable = {
    id,
    version,
    state: 'running',
    reason: null,
    rings: JSON.stringify(input.rings),
    ring: 0,
    ring_since: now,
    accepted_failures: 0,
    allow_downgrade: input.allowDowngrade ? 1 : 0,
    wait_seconds: input.waitSeconds,
    trial_seconds: input.trialSeconds,
    created_at: now,
    created_by: make.by,
    ended_at: null,
  };
  const rows = replicas.map(
    ({ runner, replica }, at): UpgradeReplicaTable => ({
      upgrade_id: id,
      replica_id: replica.row.id,
      runner_id: runner.row.id,
      runner_name: runner.row.name,
      hostname: replica.facts.hostname,
      ring: rings[at] ?? 0,
      from_version: replica.facts.agentVersion,
      phase: 'pending',
      detail: '',
      updated_at: now,
    }),
  );
  await store.write(async (tx) => {
    await tx.insertInto('upgrade').values(row).execute();
    // In pieces: a statement takes a limited number of values.
    for (let at = 0; at < rows.length; at += 500) {
      await tx
        .insertInto('upgrade_replica')
        .values(rows.slice(at, at + 500))
        .execute();
    }
  });
  return upgradeRecord(row, rows);
}

function wantedRunners(index: RunnerIndex, ids: readonly string[] | undefined): readonly RunnerRecord[] {
  if (ids === undefined) return [...index.all()];
  return [...new Set(ids)].map((id) => index.get(id) ?? unknownRunner(ids.indexOf(id)));
}

function unknownRunner(at: number): never {
  const message = 'There is no such Runner.';
  throw new OutrunnerError('invalid-input', { detail: message, fields: [{ path: `runners.${at}`, message }] });
}

function isWanted(has: string, version: string, allowDowngrade: boolean): boolean {
  const order = compareVersions(has, version);
  return order < 0 || (allowDowngrade && order > 0);
}
