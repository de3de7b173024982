import { expect, onTestFinished, test } from 'vitest';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { BootedRoot, NO_BOOTED_ROOT } from '../testing/booted-root.ts';
import { testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

const AGENT = '/root/pkg/outrunner-agent';

test.skipIf(NO_BOOTED_ROOT !== '')(
  `systemd runs the installed agent, of the host and of one person (needs root and systemd${NO_BOOTED_ROOT === '' ? '' : `: ${NO_BOOTED_ROOT}`})`,
  { timeout: 120_000 },
  async (context) => {
    const coordinator = await testCoordinator();
    const booted = new BootedRoot();
    onTestFinished(() => booted.close());
    const { root } = booted;
    const why = await booted.started();
    context.skip(why !== '', `systemd does not start in a namespace here: ${why}`);
    root.putAgent('/root/pkg');
    root.write('/root/pkg/runner.json', JSON.stringify(coordinator.config()), 0o600);
    const service = (...args: string[]) => booted.run([AGENT, 'service', ...args]);
    const shown = async (field: string) => {
      const { stdout } = await booted.run(['systemctl', 'show', '--value', '--property', field, 'outrunner-agent']);
      return stdout.trim();
    };

    const installed = await service('install');
    expect([installed.code, installed.stderr, installed.stdout]).toEqual([0, '', expect.stringContaining('Healthy')]);
    expect(await shown('UnitFileState')).toBe('enabled');

    // A job has a home, control groups of its own, and no way to more rights.
    const command = 'echo "$HOME"; grep NoNewPrivs /proc/self/status; id -un; touch /tmp/of-a-job';
    const job = await coordinator.finished(await coordinator.offer([{ type: 'command', command }]));
    expect(outputOf(job).toString()).toBe('/var/lib/outrunner-agent/home\nNoNewPrivs:\t1\noutrunner-agent\n');
    const status = JSON.parse((await service('status', '--json')).stdout) as unknown;
    expect(status).toMatchObject({ agent: { status: { confinement: { kind: 'cgroup' } } } });

    // Whatever ends it, it comes again.
    const again = coordinator.nextSession();
    await booted.run(['kill', '-9', await shown('MainPID')]);
    await again;
    expect(await shown('NRestarts')).toBe('1');

    // With sudo allowed, the same job finds that out; the agent was started anew for it.
    expect((await service('install', '--sudo')).code).toBe(0);
    const free = await coordinator.finished(
      await coordinator.offer([{ type: 'command', command: 'grep NoNewPrivs /proc/self/status' }]),
    );
    expect(outputOf(free).toString()).toBe('NoNewPrivs:\t0\n');

    // Turned away, it does not come again.
    coordinator.behaviour.reject = 'replica-revoked';
    coordinator.session?.socket.terminate();
    await expect.poll(() => shown('ActiveState')).toBe('failed');
    expect(await shown('ExecMainStatus')).toBe(String(AGENT_EXIT.identityRefused));
    expect(await shown('SubState')).toBe('failed');
    const report = await service('status');
    expect([report.code, report.stdout]).toEqual([
      AGENT_EXIT.serviceStopped,
      expect.stringContaining('(replica-revoked)'),
    ]);
    coordinator.behaviour.reject = null;
    expect((await service('uninstall', '--purge')).code).toBe(0);
    expect((await booted.run(['systemctl', 'status', 'outrunner-agent'])).code).toBe(4);

    // One person, whose own systemd starts it.
    await booted.run(['useradd', '--create-home', 'zoe']);
    const enrolment = { token: coordinator.renew(), expiresAt: '2099-01-01T00:00:00.000Z' };
    root.putAgent('/home/zoe/pkg');
    root.write('/home/zoe/pkg/runner.json', JSON.stringify({ ...coordinator.config(), enrolment }));
    await booted.run(['chown', '-R', 'zoe:zoe', '/home/zoe/pkg']);
    const asZoe = ['setpriv', '--reuid', 'zoe', '--regid', 'zoe', '--init-groups', 'env', 'HOME=/home/zoe'];
    const own = (...args: string[]) =>
      booted.run([...asZoe, '/home/zoe/pkg/outrunner-agent', 'service', ...args, '--user']);
    const without = await own('install');
    expect([without.code, without.stderr, without.stdout]).toEqual([
      0,
      '',
      expect.stringMatching(/The systemd of this user does not run.*So the agent runs in the background/),
    ]);
    expect((await own('status', '--json')).stdout).toContain('"manager":"background"');
    await booted.run(['loginctl', 'enable-linger', 'zoe']);
    await expect
      .poll(async () => (await booted.run(['ls', '-d', '/run/user/1001/systemd', '/run/user/1000/systemd'])).stdout)
      .not.toBe('');
    const installedForOne = await own('install');
    expect([installedForOne.code, installedForOne.stderr]).toEqual([0, '']);
    // The one in the background has made room.
    const byItsSystemd = await own('status', '--json');
    expect([byItsSystemd.code, byItsSystemd.stdout]).toEqual([0, expect.stringContaining('"activity":"running"')]);
    expect(byItsSystemd.stdout).toContain('"manager":"systemd"');
    expect((await own('uninstall', '--purge')).code).toBe(0);
    expect(coordinator.faults).toEqual([]);
  },
);
