import type { Upgrade, UpgradeReplica } from '../../protocol/api/upgrades.ts';
import { PHASES } from './upgrade-look.ts';

let count = 0;
const uuid = () => `00000000-0000-4000-9000-${String(++count).padStart(12, '0')}`;
const TIME = '2026-11-23T20:00:00.000Z';

/** A whole upgrade for tests, changed where the test says so; it counts its replicas. */
export function sampleUpgrade(change: Partial<Upgrade> = {}): Upgrade {
  const { replicas = [] } = change;
  const inPhase = (phase: UpgradeReplica['phase']) => replicas.filter((one) => one.phase === phase).length;
  const counts = Object.fromEntries(PHASES.map((phase) => [phase, inPhase(phase)])) as Upgrade['counts'];
  return {
    id: uuid(),
    version: '0.2.0',
    state: 'running',
    reason: null,
    rings: [100],
    ring: 0,
    allowDowngrade: false,
    waitSeconds: 3600,
    trialSeconds: 120,
    createdAt: TIME,
    createdBy: 'ann',
    endedAt: null,
    counts,
    revision: 0,
    replicas,
    ...change,
  };
}

/** A whole replica of an upgrade for tests, changed where the test says so. */
export function sampleUpgradeReplica(change: Partial<UpgradeReplica> = {}): UpgradeReplica {
  const replica = uuid();
  return {
    replica,
    runner: uuid(),
    runnerName: `Runner ${count}`,
    hostname: `host-${count}`,
    ring: 0,
    from: '0.1.0',
    phase: 'pending',
    detail: '',
    received: 0,
    total: 0,
    updatedAt: TIME,
    ...change,
  };
}
