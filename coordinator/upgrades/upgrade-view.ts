import { z } from 'zod';
import {
  type Upgrade,
  type UpgradeProgress,
  UpgradeReplicaPhaseSchema,
  type UpgradeSummary,
} from '../../protocol/api/upgrades.ts';
import { isoTime } from '../store/stored-forms.ts';
import type { Member, UpgradeRecord } from './upgrade-life.ts';

const RingsSchema = z.array(z.number());

/** An upgrade without its replicas: for lists, and for what is said of each change. */
export function upgradeSummary({ row, members, revision }: UpgradeRecord): UpgradeSummary {
  return {
    id: row.id,
    version: row.version,
    state: row.state,
    reason: row.reason,
    rings: RingsSchema.parse(JSON.parse(row.rings)),
    ring: row.ring,
    allowDowngrade: row.allow_downgrade === 1,
    waitSeconds: row.wait_seconds,
    trialSeconds: row.trial_seconds,
    createdAt: isoTime(row.created_at),
    createdBy: row.created_by,
    endedAt: isoTime(row.ended_at),
    counts: countsOf(members),
    revision,
  };
}

/** An upgrade with its replicas; of `runner` alone when one is named. */
export function upgradeView(record: UpgradeRecord, runner?: string): Upgrade {
  const shown = record.members.filter(({ row }) => runner === undefined || row.runner_id === runner);
  const replicas = shown.map((member) => ({
    ...progressOf(member),
    runner: member.row.runner_id,
    runnerName: member.row.runner_name,
    hostname: member.row.hostname,
    ring: member.row.ring,
    from: member.row.from_version,
  }));
  return { ...upgradeSummary(record), replicas };
}

/** What may have changed of a replica. */
export function progressOf({ row, received, total }: Member): UpgradeProgress {
  return {
    replica: row.replica_id,
    phase: row.phase,
    detail: row.detail,
    received,
    total,
    updatedAt: isoTime(row.updated_at),
  };
}

function countsOf(members: readonly Member[]): UpgradeSummary['counts'] {
  const zero = UpgradeReplicaPhaseSchema.options.map((phase) => [phase, 0] as const);
  const counts = Object.fromEntries(zero) as UpgradeSummary['counts'];
  for (const { row } of members) counts[row.phase] += 1;
  return counts;
}
