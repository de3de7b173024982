import type { ApiClient } from '../../bench/harness/api-client.ts';
import type { Upgrade, UpgradeReplicaPhase } from '../../protocol/api/upgrades.ts';
import { expect } from './test.ts';

/** How far the first replica of an upgrade is. */
export async function phaseOf(api: ApiClient, id: string): Promise<UpgradeReplicaPhase | undefined> {
  return (await api.call('getUpgrade', { params: { id } })).replicas[0]?.phase;
}

/** Resolves when an upgrade is over or paused. */
export async function upgradeOver(api: ApiClient, id: string): Promise<Upgrade> {
  const state = async () => (await api.call('getUpgrade', { params: { id } })).state;
  await expect.poll(state, { timeout: 60_000, intervals: [100] }).not.toBe('running');
  return await api.call('getUpgrade', { params: { id } });
}
