import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../protocol/clock.ts';
import { type Layout, layoutOf } from '../installation/layout.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { Launchd, readPrint } from './launchd.ts';
import { accountOf, makeAccount, removeAccount } from './service-account.ts';
import type { ServiceSpec } from './service-manager.ts';
import { readShow } from './systemd.ts';
import { readTaskState, TaskScheduler } from './task-scheduler.ts';
import { Tools } from './tools.ts';

interface Bench {
  readonly folder: string;
  readonly tools: Tools;
  /** Puts a program there: it writes down how it was called, and does what the script says. */
  tool(name: string, script?: string): Promise<void>;
  calls(): Promise<string[]>;
}

/** Programs of systems that are not this one. */
async function bench(): Promise<Bench> {
  const folder = await temporaryFolder();
  const log = join(folder, 'calls');
  await writeFile(log, '');
  return {
    folder,
    tools: new Tools([join(folder, 'bin')], { PATH: '/usr/bin:/bin' }),
    async tool(name, script = '') {
      await mkdir(join(folder, 'bin'), { recursive: true });
      const path = join(folder, 'bin', name);
      await writeFile(path, `#!/bin/sh\necho "${name} $*" >> '${log}'\n${script}\n`);
      await chmod(path, 0o755);
    },
    async calls() {
      return (await readFile(log, 'utf8')).split('\n').slice(0, -1);
    },
  };
}

function spec(layout: Layout): ServiceSpec {
  return { layout, account: null, command: ['/bin/sh', layout.launcher], path: null, sudo: false };
}

test('launchd is asked to take the property list, to stop it, and to forget it', async () => {
  const { folder, tools, tool, calls } = await bench();
  // Nobody sits at the screen of this host: there is no domain gui/501, and what is loaded is in user/501.
  const print = `case $2 in user/*) [ -e '${folder}/loaded' ] && echo 'state = running' ;; *) exit 113 ;; esac`;
  await tool(
    'launchctl',
    `case $1 in print) ${print} ;; bootstrap) : > '${folder}/loaded' ;; bootout) rm '${folder}/loaded' ;; esac`,
  );
  const layout = layoutOf({ platform: 'darwin', scope: 'user', name: 'outrunner-agent', home: folder, env: {} });
  const launchd = new Launchd(tools, 501);
  expect(await launchd.install(spec(layout))).toBe(true);
  expect(await launchd.install(spec(layout))).toBe(false);
  await launchd.start(layout);
  expect(await launchd.status(layout)).toMatchObject({ activity: 'running' });
  await launchd.uninstall(layout);
  expect(existsSync(layout.definition)).toBe(false);
  expect(await launchd.status(layout)).toMatchObject({ activity: 'absent' });
  const changes = (await calls()).filter((call) => !call.startsWith('launchctl print'));
  expect(changes).toEqual([
    'launchctl enable user/501/io.outrunner.outrunner-agent',
    `launchctl bootstrap user/501 ${layout.definition}`,
    'launchctl bootout user/501/io.outrunner.outrunner-agent',
  ]);
});

test('Task Scheduler gets the task as UTF-16, and a stop goes through the launcher', async () => {
  const { folder, tools, tool, calls } = await bench();
  const layout: Layout = {
    ...layoutOf({
      platform: 'win32',
      scope: 'user',
      name: 'outrunner-agent',
      home: '',
      env: { LOCALAPPDATA: 'C:\\Users\\x' },
    }),
    configFolder: folder,
    program: folder,
  };
  // It runs until the wish to stop is there.
  await tool(
    'powershell.exe',
    `[ -e '${folder}/task' ] || { echo none; exit; }; if [ -e '${folder}/running' ] && [ ! -e '${folder}/stop' ]; then echo 4; else rm -f '${folder}/running'; echo 3; fi`,
  );
  await tool(
    'schtasks.exe',
    `case $1 in /Create) cp "$5" '${folder}/task' ;; /Run) : > '${folder}/running' ;; /Delete) rm '${folder}/task' ;; esac`,
  );
  const scheduler = new TaskScheduler(tools, systemClock(), { USERDOMAIN: 'CO', USERNAME: 'zoë' });
  expect(await scheduler.installed(layout)).toBe(null);
  await scheduler.install(spec(layout));
  const xml = await readFile(join(folder, 'task'), 'utf16le');
  expect([xml[0], xml]).toEqual(['\ufeff', expect.stringContaining('<UserId>CO\\zoë</UserId>')]);
  await scheduler.start(layout);
  expect((await scheduler.status(layout)).activity).toBe('running');
  await scheduler.stop(layout);
  expect((await scheduler.status(layout)).activity).toBe('stopped');
  expect(existsSync(join(folder, 'stop'))).toBe(false);
  await scheduler.uninstall(layout);
  expect((await calls()).filter((call) => call.startsWith('schtasks')).map((call) => call.split(' ')[1])).toEqual([
    '/Create',
    '/Run',
    '/Delete',
  ]);
});

test.each([
  [
    'useradd',
    [
      'useradd --system --user-group --no-create-home --home-dir /var/lib/other/home --shell /bin/false --comment Outrunner agent other',
    ],
  ],
  [
    'busybox',
    [
      'busybox addgroup -S other',
      'busybox adduser -S -D -H -h /var/lib/other/home -s /bin/false -G other -g Outrunner agent other',
    ],
  ],
])('the account is made with %s where that is what there is, once, and removed again', async (name, made) => {
  const { folder, tools, tool, calls } = await bench();
  const entry = 'other:x:999:999:Outrunner agent:/var/lib/other/home:/bin/false';
  await tool('getent', `[ -e '${folder}/made' ] && echo '${entry}'`);
  await tool(name, `case $1 in deluser) rm '${folder}/made' ;; addgroup) ;; *) : > '${folder}/made' ;; esac`);
  if (name === 'useradd') await tool('userdel', `rm '${folder}/made'`);
  const layout = layoutOf({ platform: 'linux', scope: 'system', name: 'other', home: '', env: {} });
  const account = { user: 'other', group: 'other', uid: 999, gid: 999 };
  expect(await makeAccount(tools, layout)).toEqual({ account, isNew: true });
  expect(await makeAccount(tools, layout)).toEqual({ account, isNew: false });
  await removeAccount(tools, layout);
  await removeAccount(tools, layout);
  const removal = name === 'useradd' ? 'userdel other' : 'busybox deluser other';
  expect((await calls()).filter((call) => !call.startsWith('getent'))).toEqual([...made, removal]);
});

test.each([
  ['root in disguise', 'agent:x:0:0:Outrunner agent:/:/bin/sh'],
  ['somebody else', 'postgres:x:110:110:PostgreSQL:/var/lib/postgresql:/bin/bash'],
  ['a torn line', 'agent:x'],
])('%s is not taken for an account of ours', (_who, line) => {
  expect(accountOf(line)).toBe(null);
});

test('what the service managers answer is read', () => {
  expect(
    readShow('LoadState=loaded\nActiveState=active\nMainPID=12\nExecMainStatus=0\nUnitFileState=enabled\n'),
  ).toEqual({
    activity: 'running',
    pid: 12,
    exitCode: null,
    automatic: true,
  });
  expect(
    readShow('LoadState=loaded\nActiveState=failed\nMainPID=0\nExecMainStatus=12\nUnitFileState=disabled\n'),
  ).toEqual({
    activity: 'failed',
    pid: null,
    exitCode: 12,
    automatic: false,
  });
  expect(readShow('LoadState=not-found\nActiveState=inactive\n').activity).toBe('absent');
  expect(readPrint('gui/501/x = {\n\tstate = running\n\tpid = 77\n\tlast exit code = (never exited)\n}')).toMatchObject(
    {
      activity: 'running',
      pid: 77,
      exitCode: null,
    },
  );
  expect(readPrint('\tstate = not running\n\tlast exit code = 1\n')).toMatchObject({
    activity: 'stopped',
    exitCode: 1,
  });
  expect(['none', '1', '3', '4', 'x'].map((state) => readTaskState(`${state}\r\n`).activity)).toEqual([
    'absent',
    'stopped',
    'stopped',
    'running',
    'unknown',
  ]);
});

test('a tool that is not there, or fails, is named with what it said', async () => {
  const { tools, tool } = await bench();
  await expect(tools.must('systemctl', ['enable'])).rejects.toThrow('There is no systemctl in');
  await tool('systemctl', 'echo "Failed: no medium" >&2; exit 4');
  await expect(tools.must('systemctl', ['enable', 'x'])).rejects.toThrow(
    '"systemctl enable x" failed (exit 4): Failed: no medium',
  );
});

test('tools see nothing of the environment of whoever calls', async () => {
  const { tools, tool } = await bench();
  await tool('env-of', '/usr/bin/env');
  const { stdout } = await tools.run('env-of', []);
  const names = stdout.split('\n').map((line) => line.split('=')[0]);
  expect(names.filter((name) => !['PATH', 'LC_ALL', 'PWD', 'SHLVL', '_', '', 'OLDPWD'].includes(name ?? ''))).toEqual(
    [],
  );
});
