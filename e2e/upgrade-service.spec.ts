import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BootedRoot, NO_BOOTED_ROOT } from '../agent/testing/booted-root.ts';
import { writeRunnerConfig } from '../bench/harness/agent.ts';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import { PRODUCT_VERSION } from '../protocol/version.ts';
import { healthyWith } from './support/launched-host.ts';
import { packVersion, publish } from './support/releases.ts';
import { expect, test } from './support/test.ts';
import { phaseOf, upgradeOver } from './support/upgrade-progress.ts';

const PROGRAM = '/var/lib/outrunner-agent/program';

test.describe('the agent as a service of systemd', () => {
  test.skip(NO_BOOTED_ROOT !== '', NO_BOOTED_ROOT);
  let booted: BootedRoot;
  test.beforeEach(() => {
    booted = new BootedRoot();
  });
  test.afterEach(() => booted.close());

  test('upgraded from afar it stays one steady service, and after a version that crashes it is the one of before', async ({
    work,
  }) => {
    test.setTimeout(240_000);
    const why = await booted.started();
    test.skip(why !== '', `systemd does not start in a namespace here: ${why}`);
    const { root } = booted;
    const agents = path.join(work, 'agents');
    const made = path.join(work, 'made');
    await publish(agents, '0.2.0', await packVersion(made, '0.2.0'));
    const args = ['--agents-dir', agents];
    const { api, ...coordinator } = await startCoordinator({ dataDir: path.join(work, 'coordinator'), args });
    const { id: runner } = await writeRunnerConfig({ api, ...coordinator }, path.join(work, 'package'), {
      name: 'dmz',
      projects: [{ project: 'Welcome' }],
    });
    root.putAgent('/root/pkg');
    root.write('/root/pkg/runner.json', await readFile(path.join(work, 'package/runner.json'), 'utf8'), 0o600);
    expect(await booted.run(['/root/pkg/outrunner-agent', 'service', 'install'])).toMatchObject({
      code: 0,
      stderr: '',
    });
    await healthyWith(api, runner, PRODUCT_VERSION);

    const FACTS = ['ActiveState', 'SubState', 'MainPID', 'NRestarts', 'ActiveEnterTimestampMonotonic', 'Result'];
    /** How systemd sees it: what differs between two looks has happened to the service. */
    const seen = async () => {
      const { stdout } = await booted.run(['systemctl', 'show', `--property=${FACTS.join(',')}`, 'outrunner-agent']);
      return stdout.trim().split('\n').toSorted();
    };
    const inUse = () => root.read(`${PROGRAM}/current`).trim();
    const before = await seen();
    expect(before).toEqual(expect.arrayContaining(['ActiveState=active', 'SubState=running', 'NRestarts=0']));

    // The next version, while a job runs: it is finished first.
    const command = 'while [ ! -e /tmp/go ]; do sleep 0.05; done; echo finished in peace';
    const job = await api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command } });
    const state = async () => (await api.call('getExecution', { params: { id: job.id } })).state;
    await expect.poll(state).toBe('running');
    const first = await api.call('createUpgrade', { body: { trialSeconds: 60 } });
    await expect.poll(() => phaseOf(api, first.id), { intervals: [50], timeout: 60_000 }).toBe('waiting');
    expect(await state()).toBe('running');
    await booted.run(['touch', '/tmp/go']);
    expect(await upgradeOver(api, first.id)).toMatchObject({
      state: 'finished',
      reason: null,
      replicas: [{ phase: 'checked-in', from: PRODUCT_VERSION, detail: '' }],
    });
    await healthyWith(api, runner, '0.2.0');
    expect(await state()).toBe('succeeded');
    expect(await seen()).toEqual(before);
    expect(inUse()).toMatch(/^0\.2\.0-/);

    // One that crashes: the launcher goes back, and systemd sees nothing of it.
    await publish(agents, '0.3.0', await packVersion(made, '0.3.0', 'crashes'));
    const second = await api.call('createUpgrade', { body: { trialSeconds: 60 } });
    expect(await upgradeOver(api, second.id)).toMatchObject({
      state: 'finished',
      reason: '1 of 1 failed; they have the version of before.',
      replicas: [{ phase: 'failed', detail: 'The new version ended with exit code 3 before it had checked in.' }],
    });
    await healthyWith(api, runner, '0.2.0');
    expect(await seen()).toEqual(before);
    expect(inUse()).toMatch(/^0\.2\.0-/);

    // The service still does what it is for, and starts with the same version.
    expect((await booted.run(['systemctl', 'restart', 'outrunner-agent'])).code).toBe(0);
    await expect.poll(async () => (await seen()).join()).not.toBe(before.join());
    await healthyWith(api, runner, '0.2.0');
    expect(await seen()).toEqual(expect.arrayContaining(['ActiveState=active', 'NRestarts=0', 'Result=success']));
    await coordinator.stop();
  });
});
