import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ProgramFolder } from '../agent/installation/program-folder.ts';
import { packedAgent, writeRunnerConfig } from '../bench/harness/agent.ts';
import type { ApiClient } from '../bench/harness/api-client.ts';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import { type RunningProgram, startProgram } from '../bench/harness/process.ts';
import { loadReleaseKey } from '../build/agents/release-key.ts';
import type { NewUpgrade, Upgrade } from '../protocol/api/upgrades.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { PRODUCT_VERSION } from '../protocol/version.ts';
import { endAgents, healthyWith, installHost } from './support/launched-host.ts';
import { type Fault, makeVersion, packVersion, publish } from './support/releases.ts';
import { expect, test } from './support/test.ts';
import { phaseOf, upgradeOver } from './support/upgrade-progress.ts';

/** A host on which the agent is installed as a service would have it, and the coordinator it belongs to. */
interface Host {
  readonly coordinator: CoordinatorProcess;
  readonly runner: string;
  readonly folder: ProgramFolder;
  launcher: RunningProgram;
  start(): RunningProgram;
  /** Ends launcher and agent at once, as a host that loses power does. */
  cutPower(): Promise<void>;
  /** Makes a release and orders it; resolves when the upgrade is over or paused. */
  upgradeTo(version: string, fault?: Fault, more?: NewUpgrade): Promise<Upgrade>;
}

/** Folders of the hosts of this test: their agents are no children of ours. */
const hosts: ProgramFolder[] = [];
test.afterEach(async () => {
  for (const { path: program } of hosts.splice(0)) await endAgents(program);
});

async function install(work: string): Promise<Host> {
  const agents = path.join(work, 'agents');
  await publish(agents, '0.1.0', await makeVersion(path.join(work, 'made'), '0.1.0-first'));
  const coordinator = await startCoordinator({
    dataDir: path.join(work, 'coordinator'),
    args: ['--agents-dir', agents],
  });
  const first = { path: await makeVersion(path.join(work, 'made'), '0.1.1'), version: '0.1.1' };
  const { runner, folder, start } = await installHost(coordinator, path.join(work, 'host'), first, { name: 'dmz' });
  hosts.push(folder);
  const host: Host = {
    coordinator,
    runner,
    folder,
    start,
    launcher: start(),
    async cutPower() {
      const { child } = host.launcher;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      await endAgents(folder.path);
    },
    async upgradeTo(version, fault, more = {}) {
      const executable = await makeVersion(path.join(work, 'made'), version, fault);
      const key = fault === 'wrong-key' ? await loadReleaseKey({}, path.join(work, 'other-key.pem')) : undefined;
      await publish(agents, version, executable, key);
      const { id } = await coordinator.api.call('createUpgrade', { body: { trialSeconds: 30, ...more } });
      return await upgradeOver(coordinator.api, id);
    },
  };
  await healthyWith(coordinator.api, runner, '0.1.1');
  return host;
}

async function newestPhase(api: ApiClient): Promise<string | undefined> {
  const [newest] = (await api.call('listUpgrades', { query: { limit: 1 } })).items;
  return newest && (await phaseOf(api, newest.id));
}

async function ranBy(api: ApiClient, command = 'echo it runs'): Promise<string> {
  const { id } = await api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command } });
  const state = async () => (await api.call('getExecution', { params: { id } })).state;
  await expect.poll(async () => isTerminal(await state()), { timeout: 20_000, intervals: [50] }).toBe(true);
  return `${await state()}: ${(await (await api.fetch(`/api/v1/executions/${id}/output?format=text`)).text()).trim()}`;
}

test('from one version to the next, from afar, while a job runs: it is finished first, and the host is away for a moment', async ({
  work,
}) => {
  const { coordinator, runner, folder, upgradeTo, launcher, start } = await install(work);
  const { api } = coordinator;
  const go = path.join(work, 'go');
  const job = await api.call('runAdHoc', {
    params: { project: 'Welcome' },
    body: { command: `while [ ! -e ${go} ]; do sleep 0.05; done; echo finished in peace` },
  });
  await expect.poll(async () => (await api.call('getExecution', { params: { id: job.id } })).state).toBe('running');
  const upgrading = upgradeTo('0.2.0');
  await expect.poll(() => newestPhase(api), { intervals: [50] }).toBe('waiting');
  // It waits for what runs, and takes nothing new meanwhile.
  const waiting = await api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command: 'echo by the next' } });
  await writeFile(go, '');
  const upgrade = await upgrading;
  expect(upgrade).toMatchObject({ state: 'finished', reason: null, version: '0.2.0' });
  expect(upgrade.replicas).toMatchObject([{ phase: 'checked-in', from: '0.1.1', runnerName: 'dmz', ring: 0 }]);
  await healthyWith(api, runner, '0.2.0');
  const ends = async (id: string) => (await api.call('getExecution', { params: { id } })).state;
  await expect.poll(() => ends(waiting.id)).toBe('succeeded');
  expect(await ends(job.id)).toBe('succeeded');
  expect(await folder.current()).toMatch(/^0\.2\.0-/);
  expect(await folder.previous()).toMatch(/^0\.1\.1-/);
  expect([await folder.trial(), await folder.failed()]).toEqual([null, null]);
  // The launcher is the one of before; a restart of the service starts the new version.
  expect(launcher.child.exitCode).toBeNull();
  await launcher.stop('SIGTERM');
  const again = start();
  await healthyWith(api, runner, '0.2.0');
  await again.stop('SIGTERM');
  await coordinator.stop();
});

const FAULTS: readonly [Fault, RegExp][] = [
  ['crashes', /ended with exit code 3 before it had checked in/],
  ['hangs', /did not check in within 5 s/],
  ['cannot-connect', /did not check in within 5 s/],
  ['wrong-key', /not signed by a key that this agent trusts/],
  ['cannot-run', /does not run on this host: .*GLIBC_9\.99 not found/],
];

test('versions that crash, hang, cannot connect, cannot run or are signed by another key: the host ends on one that checks in, and says why', async ({
  work,
}) => {
  test.setTimeout(180_000);
  const { coordinator, runner, folder, upgradeTo, launcher } = await install(work);
  const { api } = coordinator;
  expect((await upgradeTo('0.2.0')).replicas).toMatchObject([{ phase: 'checked-in' }]);
  for (const [at, [fault, why]] of FAULTS.entries()) {
    await test.step(fault, async () => {
      const upgrade = await upgradeTo(`0.3.${at}`, fault, { trialSeconds: 5 });
      expect(upgrade.state).toBe('finished');
      expect(upgrade.reason).toMatch(/1 of 1 failed/);
      expect(upgrade.replicas).toMatchObject([{ phase: 'failed', detail: expect.stringMatching(why) }]);
      await healthyWith(api, runner, '0.2.0');
      expect(await folder.current()).toMatch(/^0\.2\.0-/);
      expect(await ranBy(api)).toBe('succeeded: it runs');
    });
  }
  // Nothing of the failures stands in the way of the next.
  expect((await upgradeTo('0.4.0')).replicas).toMatchObject([{ phase: 'checked-in', detail: '' }]);
  await healthyWith(api, runner, '0.4.0');
  await launcher.stop();
  await coordinator.stop();
});

test('it never goes back unless that is asked for', async ({ work }) => {
  const { coordinator, runner, upgradeTo, launcher } = await install(work);
  await expect(upgradeTo('0.0.9')).rejects.toThrow(/nothing to upgrade/);
  expect((await upgradeTo('0.0.9', undefined, { allowDowngrade: true })).replicas).toMatchObject([
    { phase: 'checked-in' },
  ]);
  await healthyWith(coordinator.api, runner, '0.0.9');
  await launcher.stop();
  await coordinator.stop();
});

test('killed at each step of the switch, the host ends on a version that checks in', async ({ work }) => {
  test.setTimeout(180_000);
  const host = await install(work);
  const { coordinator, runner, folder } = host;
  const { api } = coordinator;
  const made = path.join(work, 'made');
  const id = await folder.add(await makeVersion(made, '0.2.0'), '0.2.0');
  const at = (name: string) => path.join(folder.path, name);
  const line = async (name: string) => await readFile(at(name), 'utf8').catch(() => null);
  const rounds: readonly { what: string; cut(): Promise<void>; ends: string }[] = [
    {
      what: 'the new version is there, and nothing says so',
      cut: async () => undefined,
      ends: '0.1.1',
    },
    {
      what: 'the trial is ordered and has not begun',
      cut: () => folder.beginTrial(id, 20),
      ends: '0.2.0',
    },
    {
      what: 'the trial had begun',
      async cut() {
        await folder.beginTrial(id, 20);
        await writeFile(at('trial.begun'), (await line('trial')) ?? '');
      },
      ends: '0.1.1',
    },
    {
      what: 'it has checked in, and the file of the trial is still there',
      async cut() {
        await folder.beginTrial(id, 20);
        const trial = (await line('trial')) ?? '';
        await folder.use(id);
        await writeFile(at('trial'), trial);
        await writeFile(at('trial.begun'), trial);
      },
      ends: '0.2.0',
    },
    {
      what: 'the version in use is damaged: the one of before is started',
      cut: () => writeFile(at('current'), '0.9.9-000000000000\n'),
      ends: '0.1.1',
    },
  ];
  const first = (await folder.current()) ?? '';
  for (const { what, cut, ends } of rounds) {
    await test.step(what, async () => {
      await host.cutPower();
      await folder.use(id);
      await folder.use(first);
      await cut();
      if (what.includes('of before')) await writeFile(at('previous'), `${first}\n`);
      host.launcher = host.start();
      await healthyWith(api, runner, ends);
    });
  }
  await host.launcher.stop('SIGTERM');
  await coordinator.stop();
});

test('started by hand in a folder, the packed executable is upgraded to another one in place, and stays it', async ({
  work,
}) => {
  test.setTimeout(180_000);
  const agents = path.join(work, 'agents');
  await publish(agents, '0.2.0', await packVersion(path.join(work, 'made'), '0.2.0'));
  const coordinator = await startCoordinator({
    dataDir: path.join(work, 'coordinator'),
    args: ['--agents-dir', agents],
  });
  const { api } = coordinator;
  // As it lies in the folder of a package: executable and configuration, nothing else.
  const home = path.join(work, 'package');
  const { id: runner } = await writeRunnerConfig(coordinator, home, {
    name: 'by hand',
    projects: [{ project: 'Welcome' }],
  });
  const executable = path.join(home, 'outrunner-agent');
  await copyFile(packedAgent(), executable);
  hosts.push(new ProgramFolder(path.join(home, 'state', 'program')));
  const start = () => startProgram(executable, ['run'], { cwd: home, env: { PATH: '/usr/bin:/bin', HOME: home } });
  const agent = start();
  await healthyWith(api, runner, PRODUCT_VERSION);
  const { id } = await api.call('createUpgrade', { body: { trialSeconds: 60 } });
  expect((await upgradeOver(api, id)).replicas).toMatchObject([
    { phase: 'checked-in', from: PRODUCT_VERSION, detail: '' },
  ]);
  await healthyWith(api, runner, '0.2.0');
  expect(await ranBy(api)).toBe('succeeded: it runs');
  // It is still the process that was started: the terminal that it was started from ends it.
  expect(agent.child.exitCode).toBeNull();
  const { code } = await agent.stop('SIGTERM');
  expect(code).toBe(0);
  // The same file started again hands over to the version that is in use.
  const again = start();
  await healthyWith(api, runner, '0.2.0');
  await again.stop('SIGTERM');
  // A file that somebody has put in its place is run itself, unless it is older.
  await copyFile(await packVersion(path.join(work, 'made'), '0.3.0'), executable);
  const newer = start();
  await healthyWith(api, runner, '0.3.0');
  await newer.stop('SIGTERM');
  await coordinator.stop();
});

test('a coordinator that ends in mid upgrade goes on with it', async ({ work }) => {
  const host = await install(work);
  const { api } = host.coordinator;
  const go = path.join(work, 'go');
  await api.call('runAdHoc', {
    params: { project: 'Welcome' },
    body: { command: `while [ ! -e ${go} ]; do sleep 0.05; done` },
  });
  const upgrading = host.upgradeTo('0.2.0').catch((error: unknown) => error);
  await expect.poll(() => newestPhase(api), { intervals: [50] }).toBe('waiting');
  const port = Number(new URL(host.coordinator.url).port);
  await host.coordinator.kill();
  await upgrading;
  const args = ['--agents-dir', path.join(work, 'agents')];
  const coordinator = await startCoordinator({ dataDir: host.coordinator.dataDir, port, args });
  await writeFile(go, '');
  const [upgrade] = (await coordinator.api.call('listUpgrades', {})).items;
  expect((await upgradeOver(coordinator.api, upgrade?.id ?? '')).replicas).toMatchObject([{ phase: 'checked-in' }]);
  await healthyWith(coordinator.api, host.runner, '0.2.0');
  await host.launcher.stop();
  await coordinator.stop();
});
