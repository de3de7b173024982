import path from 'node:path';
import type { ProgramFolder } from '../agent/installation/program-folder.ts';
import { hasSquid, startSquid } from '../agent/testing/squid.ts';
import type { Way } from '../bench/harness/agent.ts';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import type { RunningProgram } from '../bench/harness/process.ts';
import { RELEASE_PATH } from '../protocol/upgrade.ts';
import { endAgents, healthyWith, installHost } from './support/launched-host.ts';
import { withoutWebSocket } from './support/no-websocket.ts';
import { makeVersion, publish } from './support/releases.ts';
import { expect, test } from './support/test.ts';
import { upgradeOver } from './support/upgrade-progress.ts';

/** What is fetched: long enough to be cut in the middle. */
const BALLAST = 24_000_000;
const CUT_AT = 6_000_000;

const folders: ProgramFolder[] = [];
test.afterEach(async () => {
  for (const { path: program } of folders.splice(0)) await endAgents(program);
});

async function coordinatorWith(work: string, version: string): Promise<CoordinatorProcess> {
  const agents = path.join(work, 'agents');
  await publish(agents, version, await makeVersion(path.join(work, 'made'), version, undefined, BALLAST));
  return await startCoordinator({ dataDir: path.join(work, 'coordinator'), args: ['--agents-dir', agents] });
}

async function startHost(
  work: string,
  coordinator: CoordinatorProcess,
  way: Way,
): Promise<{ runner: string; launcher: RunningProgram }> {
  const first = { path: await makeVersion(path.join(work, 'made'), '0.1.1'), version: '0.1.1' };
  const { runner, folder, start } = await installHost(
    coordinator,
    path.join(work, 'host'),
    first,
    { name: 'dmz' },
    way,
  );
  folders.push(folder);
  const launcher = start();
  await healthyWith(coordinator.api, runner, '0.1.1');
  return { runner, launcher };
}

const transportOf = async ({ api }: CoordinatorProcess, id: string) =>
  (await api.call('getRunner', { params: { id } })).replicas[0];

test('through a proxy that asks for a password, and is restarted in mid download: it goes on where it was', async ({
  work,
}) => {
  test.skip(!hasSquid, 'squid is not installed');
  const account = { name: 'someone', password: 'p@ss:word' };
  const squid = await startSquid(work, { account, bytesPerSecond: 6_000_000 });
  const proxy = `http://${account.name}:${encodeURIComponent(account.password)}@127.0.0.1:${squid.port}`;
  const coordinator = await coordinatorWith(work, '0.2.0');
  const { api } = coordinator;
  const { runner, launcher } = await startHost(work, coordinator, { proxy });

  const { id } = await api.call('createUpgrade', { body: { trialSeconds: 30 } });
  const received: number[] = [];
  /** How much has arrived; each look is kept. */
  const look = async () => {
    const [replica] = (await api.call('getUpgrade', { params: { id } })).replicas;
    if (replica?.phase === 'downloading') received.push(replica.received);
    return replica?.received ?? 0;
  };
  await expect.poll(look, { intervals: [50], timeout: 30_000 }).toBeGreaterThan(CUT_AT);
  await squid.restart();
  const state = async () => {
    await look();
    return (await api.call('getUpgrade', { params: { id } })).state;
  };
  await expect.poll(state, { intervals: [50], timeout: 60_000 }).toBe('finished');
  expect(await upgradeOver(api, id)).toMatchObject({ replicas: [{ phase: 'checked-in', detail: '' }] });
  // It never began anew.
  expect(received).toEqual(received.toSorted((a, b) => a - b));
  await healthyWith(api, runner, '0.2.0');
  expect(await transportOf(coordinator, runner)).toMatchObject({ transport: 'websocket' });
  await launcher.stop('SIGTERM');
  await coordinator.stop();
  await squid.stop();
  // All went through the proxy, the download in two parts; an agent that ended here leaves its line as well.
  const log = await squid.log();
  const ways = log
    .split('\n')
    .filter((line) => line.includes(`CONNECT 127.0.0.1:${new URL(coordinator.url).port} someone`));
  const bytes = ways.map((line) => Number(line.trim().split(/\s+/)[4])).toSorted((a, b) => b - a);
  const [larger = 0, smaller = 0] = bytes;
  expect(smaller).toBeGreaterThan(CUT_AT / 2);
  expect(larger + smaller).toBeLessThan(BALLAST * 1.2);
});

test('where no WebSocket gets through, by long polling; a download that is cut off goes on where it was', async ({
  work,
}) => {
  const coordinator = await coordinatorWith(work, '0.2.0');
  const front = await withoutWebSocket(Number(new URL(coordinator.url).port));
  const { api } = coordinator;
  const { runner, launcher } = await startHost(work, coordinator, { url: front.url });
  expect(await transportOf(coordinator, runner)).toMatchObject({ transport: 'polling' });

  front.cutAfter(CUT_AT);
  const { id } = await api.call('createUpgrade', { body: { trialSeconds: 30 } });
  expect(await upgradeOver(api, id)).toMatchObject({
    state: 'finished',
    reason: null,
    replicas: [{ phase: 'checked-in', from: '0.1.1', detail: '' }],
  });
  const [whole, rest, ...others] = front.asked.filter((one) => one.path.startsWith(RELEASE_PATH));
  expect([whole?.range, others]).toEqual([undefined, []]);
  expect(Number(/^bytes=(\d+)-$/.exec(rest?.range ?? '')?.[1])).toBeGreaterThan(CUT_AT / 2);
  await healthyWith(api, runner, '0.2.0');
  expect(await transportOf(coordinator, runner)).toMatchObject({ transport: 'polling' });
  await launcher.stop('SIGTERM');
  await coordinator.stop();
  front.stop();
});
