import path from 'node:path';
import { type ApiClient, apiClient } from '../../bench/harness/api-client.ts';
import { ownerToken } from '../../bench/harness/coordinator.ts';
import { createCoordinator } from '../../coordinator/coordinator.ts';
import { readSettings } from '../../coordinator/settings/read-settings.ts';
import { type ManualClock, manualClock } from '../../protocol/clock.ts';

/** The real coordinator inside of the test's process, on a clock that the test moves: for what depends on minutes. */
export interface CoordinatorOnMyClock {
  readonly api: ApiClient;
  readonly url: string;
  readonly clock: ManualClock;
  publicKey(): Promise<string>;
  stop(): Promise<void>;
}

/** Starts it on a data folder of its own in `work`. */
export async function coordinatorOnMyClock(work: string): Promise<CoordinatorOnMyClock> {
  // From now, so that an agent on the host's own clock sees no skew.
  const clock = manualClock(Date.now());
  const { settings } = readSettings({
    argv: ['--data-dir', path.join(work, 'coordinator'), '--port', '0', '--log-level', 'silent'],
    env: {},
    readFile: () => '{}',
  });
  const coordinator = await createCoordinator({ settings, clock });
  const api = apiClient(coordinator.url, await ownerToken(coordinator.url, coordinator.dataDir));
  return {
    api,
    url: coordinator.url,
    clock,
    publicKey: async () => (await api.call('me')).coordinator.publicKey,
    stop: () => coordinator.stop(),
  };
}
