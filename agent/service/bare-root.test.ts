import { existsSync, readdirSync, statSync, truncateSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { BareRoot, NO_BARE_ROOT, PACKED_AGENT, type Ran } from '../testing/bare-root.ts';
import { TestCoordinator } from '../testing/test-coordinator.ts';

const PACKAGE = '/root/a package';
const STATE = '/var/lib/outrunner-agent';
const UNIT = '/etc/systemd/system/outrunner-agent.service';
const CONFIG = '/etc/outrunner-agent/runner.json';

/** Stands in for systemd: it runs what the unit says as the unit says, and writes down how it was called. */
const SYSTEMCTL = `#!/bin/sh
unit=${UNIT}
echo "$*" >> /run/systemctl.log
value() { sed -n "s/^$1=//p" "$unit"; }
alive() { [ -s /run/agent.pid ] && kill -0 "$(cat /run/agent.pid)" 2>/dev/null; }
end() {
  if alive; then kill -TERM "$(cat /run/agent.pid)"; fi
  while alive; do sleep 0.05; done
}
case $1 in
  restart)
    end
    eval "set -- $(value ExecStart)"
    setsid setpriv --reuid "$(value User)" --regid "$(value Group)" --init-groups --no-new-privs \\
      env -i OUTRUNNER_CGROUPS=off OUTRUNNER_DISK_FLOOR_MB=1 "$@" > /run/agent.log 2>&1 < /dev/null &
    echo $! > /run/agent.pid ;;
  stop) end ;;
  show)
    echo LoadState=loaded
    if alive; then printf 'ActiveState=active\\nMainPID=%s\\n' "$(cat /run/agent.pid)"; else echo ActiveState=failed; fi
    echo UnitFileState=enabled ;;
  enable) [ ! -e /run/enable-fails ] || { echo 'Failed to enable unit: refused for a test' >&2; exit 1; } ;;
esac
exit 0
`;

let root: BareRoot;
let coordinator: TestCoordinator;

async function service(...args: string[]): Promise<Ran> {
  return await root.run([`${PACKAGE}/outrunner-agent`, 'service', ...args]);
}

function putConfig(from: TestCoordinator = coordinator, change: object = {}): void {
  root.write(`${PACKAGE}/runner.json`, JSON.stringify({ ...from.config(), ...change }), 0o600);
}

/** Mode, owner and group of a path in the root. */
async function rights(path: string): Promise<string> {
  return (await root.run(['stat', '-c', '%a %U %G', path])).stdout.trim();
}

/** What is of ours in the places where an installation has something. */
function leftovers(): string[] {
  const places = ['/etc', '/etc/systemd/system', '/etc/systemd/system/multi-user.target.wants', '/var/lib', '/opt'];
  const names = places.flatMap((place) =>
    existsSync(root.path(place)) ? readdirSync(root.path(place)).map((name) => `${place}/${name}`) : [],
  );
  return [
    ...names.filter((name) => name.includes('outrunner')),
    ...['/etc/passwd', '/etc/group'].filter((file) => root.read(file).includes('outrunner')),
  ];
}

beforeAll(async () => {
  if (NO_BARE_ROOT !== '') return;
  root = new BareRoot();
  root.putAgent(PACKAGE);
});
afterAll(() => {
  if (NO_BARE_ROOT === '') root.close();
});

/** A coordinator of the test, on a port of its own, and its package. */
async function withCoordinator(): Promise<TestCoordinator> {
  coordinator = await new TestCoordinator().start();
  putConfig();
  return coordinator;
}

describe.skipIf(NO_BARE_ROOT !== '')(
  `the packed agent on a bare root (needs root on Linux and the packed agent${NO_BARE_ROOT === '' ? '' : `: ${NO_BARE_ROOT}`})`,
  () => {
    test('without a running systemd, files are in place with their owners, and what the unit starts becomes Healthy', async () => {
      const own = await withCoordinator();
      expect((await root.run(['node', '--version'])).code).not.toBe(0);
      expect(await service('install', '--no-start')).toMatchObject({ code: 0, stderr: '' });
      expect(await rights(CONFIG)).toBe('600 outrunner-agent outrunner-agent');
      expect(await rights('/etc/outrunner-agent')).toBe('700 outrunner-agent outrunner-agent');
      expect(await rights(STATE)).toBe('700 outrunner-agent outrunner-agent');
      expect(await rights(`${STATE}/home`)).toBe('700 outrunner-agent outrunner-agent');
      expect(await rights('/opt/outrunner-agent')).toBe('755 root root');
      expect(await rights('/opt/outrunner-agent/launch')).toBe('755 root root');
      expect(await rights('/opt/outrunner-agent/outrunner-agent')).toBe('755 root root');
      expect(await rights(UNIT)).toBe('644 root root');
      expect(root.read('/etc/passwd')).toMatch(/^outrunner-agent:x:\d+:\d+:Outrunner agent:.*:\S*nologin$/m);
      expect(await root.run(['systemd-analyze', 'verify', UNIT])).toEqual({ code: 0, stdout: '', stderr: '' });
      const exposure = await root.run(['systemd-analyze', 'security', '--offline=true', '--threshold=60', UNIT]);
      expect([exposure.code, exposure.stdout]).toEqual([0, expect.stringContaining('MEDIUM')]);
      expect(existsSync(root.path('/etc/systemd/system/multi-user.target.wants/outrunner-agent.service'))).toBe(false);
      // As a link of the root it leads nowhere from outside.
      expect(readdirSync(root.path('/etc/systemd/system/multi-user.target.wants'))).toContain(
        'outrunner-agent.service',
      );

      const command = /^ExecStart=(.*)$/m.exec(root.read(UNIT))?.[1] ?? '';
      const as = [
        'setpriv',
        '--reuid',
        'outrunner-agent',
        '--regid',
        'outrunner-agent',
        '--init-groups',
        '--no-new-privs',
      ];
      const running = root.start([...as, '/bin/sh', '-c', `exec ${command}`], { OUTRUNNER_CGROUPS: 'off' });
      await own.connected();
      expect(JSON.parse(root.read(CONFIG))).not.toHaveProperty('enrolment');
      const status = await service('status', '--json');
      expect(status.code).toBe(AGENT_EXIT.ok);
      expect(JSON.parse(status.stdout)).toMatchObject({ agent: { status: { connected: true } }, manager: 'systemd' });
      const still = await service('uninstall');
      expect([still.code, still.stderr]).toEqual([AGENT_EXIT.serviceFailed, expect.stringContaining('still runs')]);
      running.kill('SIGTERM');
      await expect.poll(() => running.exitCode).toBe(0);
      expect(root.processes()).toEqual([]);
      await own.stop();
      expect(own.faults).toEqual([]);
    });

    test('it says honestly that nothing starts it here, and how to; what the disk has damaged is whole again', async () => {
      const program = `${STATE}/program/versions/${root.read(`${STATE}/program/current`).trim()}/outrunner-agent`;
      truncateSync(root.path(program), 1000);
      const { code, stderr } = await service('install');
      expect(statSync(root.path(program)).size).toBe(statSync(PACKED_AGENT).size);
      expect([code, stderr]).toEqual([
        AGENT_EXIT.serviceNotStarted,
        expect.stringMatching(/process 1 is ".+"\).*Start it with: runuser -u outrunner-agent -- \/bin\/sh/),
      ]);
    });

    test('uninstalling keeps configuration and state, the next installation needs no package, and --purge leaves nothing', async () => {
      const enrolled = root.read(`${STATE}/identity.json`);
      expect((await service('uninstall')).code).toBe(0);
      expect(existsSync(root.path(UNIT))).toBe(false);
      expect(existsSync(root.path('/opt/outrunner-agent'))).toBe(false);
      expect(existsSync(root.path(`${STATE}/program`))).toBe(false);
      expect((await service('status')).code).toBe(AGENT_EXIT.serviceAbsent);
      const again = await service('install', '--no-start', '--config', '/root/nothing.json');
      expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('enrolled as "Test Runner" already')]);
      expect(root.read(`${STATE}/identity.json`)).toBe(enrolled);
      expect((await service('uninstall', '--purge')).code).toBe(0);
      expect(leftovers()).toEqual([]);
      expect((await service('uninstall', '--purge')).code).toBe(0);
    });

    test('with systemd: installed, Healthy, not disturbed by a repair, stopped, started, and gone', async () => {
      const own = await withCoordinator();
      root.write('/usr/bin/systemctl', SYSTEMCTL, 0o755);
      root.write('/run/systemd/system/.keep', '');
      const first = await service('install');
      expect([first.code, first.stderr, first.stdout]).toEqual([
        0,
        '',
        expect.stringContaining('Healthy: "Test Runner"'),
      ]);
      const calls = root.read('/run/systemctl.log').split('\n');
      for (const call of ['daemon-reload', 'enable --quiet outrunner-agent.service', 'restart outrunner-agent.service'])
        expect(calls).toContain(call);
      const pid = root.read('/run/agent.pid');
      // The package still holds its token, which is spent by now.
      const repair = await service('install');
      expect([repair.code, repair.stdout]).toEqual([0, expect.stringContaining('is connected to')]);
      expect(root.read('/run/agent.pid')).toBe(pid);
      expect(JSON.parse(root.read(CONFIG))).not.toHaveProperty('enrolment');

      expect(own.enrolments).toBe(1);

      expect((await service('stop')).code).toBe(0);
      expect(root.processes()).toEqual([]);
      expect((await service('status')).code).toBe(AGENT_EXIT.serviceStopped);
      expect((await service('start')).code).toBe(0);
      await own.connected();
      expect(own.faults).toEqual([]);
    });

    test('another Runner does not take the place of this one, unless it is asked to', async () => {
      const former = coordinator;
      const other = await withCoordinator();
      const config = root.read(CONFIG);
      const refused = await service('install');
      expect([refused.code, refused.stderr]).toEqual([
        AGENT_EXIT.serviceRefused,
        expect.stringContaining('--name NAME, or in its place with --replace'),
      ]);
      expect(root.read(CONFIG)).toBe(config);
      const replaced = await service('install', '--replace');
      expect([replaced.code, replaced.stderr]).toEqual([0, '']);
      expect(other.enrolments).toBe(1);
      await former.stop();
    });

    test('what keeps it from connecting is said, and it tries on', async () => {
      await service('stop');
      await coordinator.stop();
      const away = await service('install', '--wait', '2');
      expect([away.code, away.stderr]).toEqual([
        AGENT_EXIT.serviceNotConnected,
        expect.stringMatching(
          /tries on, but the coordinator cannot be reached: .*Its log: journalctl -u outrunner-agent/,
        ),
      ]);
      expect((await service('status')).code).toBe(AGENT_EXIT.serviceNotConnected);
      await coordinator.start();
      // Sooner than by its next try.
      expect((await service('start')).code).toBe(0);
      await coordinator.connected();
    });

    test('an agent that was turned away ends with its line, and a fresh package brings it back', async () => {
      coordinator.behaviour.reject = 'replica-revoked';
      const revoked = await service('install', '--sudo');
      expect([revoked.code, revoked.stderr]).toEqual([
        AGENT_EXIT.identityRefused,
        expect.stringContaining('(replica-revoked)'),
      ]);
      expect((await service('status')).stdout).toContain('(replica-revoked)');
      // The old package cannot help: its token is spent.
      const old = await service('install');
      expect([old.code, old.stderr]).toEqual([
        AGENT_EXIT.configuration,
        expect.stringContaining('Download the Runner again'),
      ]);
      coordinator.behaviour.reject = null;
      const fresh = coordinator.renew();
      putConfig(coordinator, { enrolment: { token: fresh, expiresAt: '2099-01-01T00:00:00.000Z' } });
      const back = await service('install');
      expect([back.code, back.stderr]).toEqual([0, '']);
      // What was chosen once stays.
      expect(root.read(UNIT)).not.toContain('NoNewPrivileges');
    });

    test('a disk that is full is said in one line, and what was changed is taken back', async () => {
      const full = new BareRoot();
      try {
        full.putAgent(PACKAGE);
        full.write(`${PACKAGE}/runner.json`, JSON.stringify(coordinator.config()), 0o600);
        full.mountTmpfs('/opt', 'size=20m');
        const { code, stderr } = await full.run([`${PACKAGE}/outrunner-agent`, 'service', 'install', '--no-start']);
        expect([code, stderr]).toEqual([
          AGENT_EXIT.serviceFailed,
          expect.stringMatching(
            /^outrunner-agent: \/opt\/outrunner-agent\/\S+ could not be written: no space left on its disk\. .*\n$/,
          ),
        ]);
        for (const path of ['/opt/outrunner-agent', '/etc/outrunner-agent', STATE, UNIT])
          expect([path, existsSync(full.path(path))]).toEqual([path, false]);
        expect(full.read('/etc/passwd')).not.toContain('outrunner');
      } finally {
        full.close();
      }
    });

    test('a step that fails takes back what was changed: of a repair, and of a new installation', async () => {
      root.write('/run/enable-fails', '');
      const unit = root.read(UNIT);
      const repair = await service('install', '--no-sudo');
      expect([repair.code, repair.stderr]).toEqual([
        AGENT_EXIT.serviceFailed,
        expect.stringContaining('refused for a test'),
      ]);
      expect(root.read(UNIT)).toBe(unit);
      root.remove('/run/enable-fails');
      expect((await service('uninstall', '--purge')).code).toBe(0);
      expect(leftovers()).toEqual([]);
      expect(root.processes()).toEqual([]);
      const fresh = coordinator.renew();
      putConfig(coordinator, { enrolment: { token: fresh, expiresAt: '2099-01-01T00:00:00.000Z' } });
      root.write('/run/enable-fails', '');
      expect((await service('install')).code).toBe(AGENT_EXIT.serviceFailed);
      root.remove('/run/enable-fails');
      expect(leftovers()).toEqual([]);
    });

    test('a state folder from which no program may be started is found out before anything is started', async () => {
      root.mountTmpfs(STATE, 'noexec');
      const { code, stderr } = await service('install');
      root.unmountLast();
      expect([code, stderr]).toEqual([AGENT_EXIT.serviceFailed, expect.stringContaining('"noexec"')]);
      expect(leftovers()).toEqual([`${STATE}`]);
      root.remove(STATE);
    });

    test.each(['cron', 'games', 'ssl'])(
      'the name "%s", which is of something else on this host, is refused and nothing is changed',
      async (name) => {
        root.write('/etc/systemd/system/cron.service', '[Service]\nExecStart=/bin/true\n');
        const users = root.read('/etc/passwd');
        const { code, stderr } = await service('install', '--name', name);
        expect([code, stderr]).toEqual([AGENT_EXIT.serviceRefused, expect.stringContaining('--name')]);
        expect(root.read('/etc/passwd')).toBe(users);
        expect(existsSync(root.path(`/opt/${name}`))).toBe(false);
      },
    );

    test('a link that a job has planted in the state folder is not followed by root', async () => {
      await service('install', '--no-start');
      await root.run([
        'setpriv',
        '--reuid',
        'outrunner-agent',
        '--regid',
        'outrunner-agent',
        '--clear-groups',
        'sh',
        '-c',
        `rm -rf ${STATE}/program && ln -s /etc ${STATE}/program`,
      ]);
      const { code } = await service('install', '--no-start');
      expect(code).not.toBe(0);
      expect(existsSync(root.path('/etc/versions'))).toBe(false);
      expect(existsSync(root.path('/etc/current'))).toBe(false);
      await root.run(['rm', `${STATE}/program`]);
      expect((await service('uninstall', '--purge')).code).toBe(0);
      expect(leftovers()).toEqual([]);
    });

    test('one person installs it without root, in a home with blanks and letters of other languages', async () => {
      const home = '/home/Zoë $b %n';
      await root.run(['useradd', '--create-home', '--home-dir', home, '--shell', '/bin/sh', 'zoe']);
      root.putAgent(`${home}/pkg`);
      root.write(`${home}/pkg/runner.json`, JSON.stringify(coordinator.config()));
      await root.run(['chown', '-R', 'zoe:zoe', home]);
      const as = (...args: string[]) =>
        root.run(
          [
            'setpriv',
            '--reuid',
            'zoe',
            '--regid',
            'zoe',
            '--clear-groups',
            `${home}/pkg/outrunner-agent`,
            'service',
            ...args,
          ],
          { HOME: home },
        );
      expect((await as('install')).code).toBe(AGENT_EXIT.serviceRefused);
      const { code, stderr } = await as('install', '--user', '--no-start');
      expect([code, stderr]).toEqual([0, '']);
      expect(await rights(`${home}/.config/outrunner-agent/runner.json`)).toBe('600 zoe zoe');
      const unit = `${home}/.config/systemd/user/outrunner-agent.service`;
      expect(statSync(root.path(unit)).isFile()).toBe(true);
      const verified = await root.run(['systemd-analyze', '--user', 'verify', unit], {
        HOME: home,
        XDG_RUNTIME_DIR: '/run',
      });
      expect(verified).toEqual({ code: 0, stdout: '', stderr: '' });
      expect((await as('uninstall', '--user', '--purge')).code).toBe(0);
      expect(readdirSync(root.path(`${home}/.config`))).not.toContain('outrunner-agent');
      expect(readdirSync(root.path(`${home}/.local/state`))).toEqual([]);
      await coordinator.stop();
    });
  },
);
