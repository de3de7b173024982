import { z } from 'zod';
import type { Upgrade } from '../../protocol/api/upgrades.ts';
import { isoTime } from '../store/stored-forms.ts';
import type { UpgradeRecord } from './upgrade-life.ts';

const RingsSchema = z.array(z.number());

/** An upgrade as the API shows it. */
export function upgradeView({ row, members }: UpgradeRecord): Upgrade {
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
    replicas: members.map(({ row: one, received, total }) => ({
      replica: one.replica_id,
      runner: one.runner_id,
      runnerName: one.runner_name,
      hostname: one.hostname,
      ring: one.ring,
      from: one.from_version,
      phase: one.phase,
      detail: one.detail,
      received,
      total,
      updatedAt: isoTime(one.updated_at),
    })),
  };
}
