import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isAlive } from '../host/process-start.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { FINAL_EXITS, launcherText, NO_VERSION_EXIT, SWITCH_EXIT } from './launcher.ts';
import { ProgramFolder } from './program-folder.ts';

// The launcher knows nothing of the agent: small scripts stand in for its versions. Each writes a line when it begins.
const SHELLS = [['/usr/bin/dash'], ['/bin/bash', '--posix'], ['/bin/busybox', 'ash']].filter(([file = '']) =>
  existsSync(file),
);
const [SHELL = ['/bin/sh']] = SHELLS;
const HANGS = 'while :; do sleep 0.05; done';

interface Host {
  readonly program: ProgramFolder;
  /** Makes a version whose script this is, and returns its id. */
  version(name: string, script: string): Promise<string>;
  start(options?: { shell?: readonly string[]; first?: readonly string[] }): Launched;
  /** The lines that versions have written. */
  lines(): Promise<string[]>;
}

interface Launched {
  readonly process: ChildProcess;
  readonly exited: Promise<number | string>;
  stderr(): string;
}

async function host(): Promise<Host> {
  const folder = await temporaryFolder();
  const program = new ProgramFolder(join(folder, "a pro'gram"));
  const launcher = join(folder, 'launch');
  const log = join(folder, 'lines');
  await writeFile(launcher, launcherText('linux'));
  await writeFile(log, '');
  return {
    program,
    async version(name, script) {
      const file = join(folder, `${name}.sh`);
      await writeFile(file, `#!/bin/sh\nprintf '%s\\n' "${name} $*" >> '${log}'\n${script}\n`);
      return await program.add(file, name);
    },
    start({ shell = SHELL, first = [] } = {}) {
      const [file = '', ...options] = shell;
      const args = [...options, launcher, ...first, program.path, 'run', '--state', 'with blank'];
      // Of its own group, so that what it may leave behind is ended with it.
      const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
      let stderr = '';
      child.stderr.on('data', (chunk: Buffer) => {
        stderr += chunk.toString();
      });
      const exited = once(child, 'exit').then(([code, signal]: unknown[]) => (code ?? signal) as number | string);
      onTestFinished(() => {
        try {
          process.kill(-(child.pid ?? 0), 'SIGKILL');
        } catch {
          // Nothing is left of it.
        }
      });
      return { process: child, exited, stderr: () => stderr };
    },
    async lines() {
      return (await readFile(log, 'utf8')).split('\n').slice(0, -1);
    },
  };
}

/** A version that, like the agent, confirms its trial and then runs until it is told to stop. */
function checksIn(program: ProgramFolder, id: string): string {
  const path = (name: string) => `"${join(program.path, name)}"`;
  return [
    "trap 'exit 0' TERM",
    `printf '%s\\n' '${id}' > ${path('current.new')} && mv ${path('current.new')} ${path('current')}`,
    `rm -f ${path('trial')} ${path('trial.begun')}`,
    HANGS,
  ].join('\n');
}

test.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
  'under %s it starts the version in use with its arguments, and passes its exit code on',
  async (_name, shell) => {
    const { program, version, start, lines } = await host();
    await program.use(await version('1.0.0', '[ "$OUTRUNNER_LAUNCHED" = "$0" ] && exit 7'));
    const launched = start({ shell });
    expect(await launched.exited).toBe(7);
    expect(await lines()).toEqual(['1.0.0 run --state with blank']);
  },
);

test('exit code 85 starts the version that is in use by then', async () => {
  const { program, version, start, lines } = await host();
  const second = await version('2.0.0', 'exit 3');
  const current = join(program.path, 'current');
  await program.use(await version('1.0.0', `printf '%s\\n' '${second}' > "${current}"; exit ${SWITCH_EXIT}`));
  await version('2.0.0', 'exit 3');
  expect(await start().exited).toBe(3);
  expect((await lines()).map((line) => line.slice(0, 5))).toEqual(['1.0.0', '2.0.0']);
});

test.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
  'under %s SIGTERM reaches the agent once, and the launcher waits for its end',
  async (_name, shell) => {
    const { program, version, start, lines } = await host();
    await program.use(
      await version(
        '1.0.0',
        `trap 'sleep 0.3; printf "%s\\n" ended >> "$0.ended"; exit 4' TERM\n: > "$0.ready"\n${HANGS}`,
      ),
    );
    const id = (await program.current()) ?? '';
    const launched = start({ shell });
    await expect.poll(() => existsSync(`${program.executableOf(id)}.ready`)).toBe(true);
    launched.process.kill('SIGTERM');
    expect(await launched.exited).toBe(4);
    expect(await readFile(`${program.executableOf(id)}.ended`, 'utf8')).toBe('ended\n');
    expect(await lines()).toHaveLength(1);
  },
);

test.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))(
  'under %s a version on trial that checks in stays, and is still there after its time',
  async (_name, shell) => {
    const { program, version, start, lines } = await host();
    await program.use(await version('1.0.0', 'exit 0'));
    const id = await version('2.0.0', checksIn(program, '@'));
    // The script has to know its own id, which is made from it: it writes the one that stands in the trial.
    const script = program.executableOf(id);
    await writeFile(script, (await readFile(script, 'utf8')).replace("'@'", `'${id}'`));
    await program.beginTrial(id, 1);
    const launched = start({ shell });
    await expect.poll(() => program.current()).toBe(id);
    await expect.poll(() => program.trial()).toBe(null);
    // Its second passes while another launcher starts and ends: that takes longer.
    const other = await host();
    await other.program.use(await other.version('1.0.0', 'sleep 1.6'));
    await other.start().exited;
    expect(launched.process.exitCode).toBe(null);
    launched.process.kill('SIGTERM');
    expect(await launched.exited).toBe(0);
    expect((await lines()).map((line) => line.slice(0, 5))).toEqual(['2.0.0']);
    expect(await program.failed()).toBe(null);
  },
);

test('a version on trial that crashes is given up with its exit code, and the one before runs', async () => {
  const { program, version, start, lines } = await host();
  await program.use(await version('1.0.0', 'exit 0'));
  const id = await version('2.0.0', 'exit 9');
  await program.beginTrial(id, 30);
  const launched = start();
  expect(await launched.exited).toBe(0);
  expect((await lines()).map((line) => line.slice(0, 5))).toEqual(['2.0.0', '1.0.0']);
  expect(await program.failed()).toEqual({ id, reason: 'exit-9' });
  expect(await program.trial()).toBe(null);
  expect(launched.stderr()).toContain(`version ${id} is given up (exit-9)`);
});

test('a version on trial that hangs is ended after its time, and the one before runs', async () => {
  const { program, version, start, lines } = await host();
  await program.use(await version('1.0.0', 'exit 0'));
  const id = await version('2.0.0', HANGS);
  await program.beginTrial(id, 1);
  expect(await start().exited).toBe(0);
  expect((await lines()).map((line) => line.slice(0, 5))).toEqual(['2.0.0', '1.0.0']);
  expect(await program.failed()).toEqual({ id, reason: 'silent' });
});

test('a version on trial that is not there is given up', async () => {
  const { program, version, start } = await host();
  await program.use(await version('1.0.0', 'exit 5'));
  const id = await version('2.0.0', 'exit 9');
  await program.beginTrial(id, 30);
  await rm(program.executableOf(id));
  expect(await start().exited).toBe(5);
  expect(await program.failed()).toEqual({ id, reason: 'missing' });
});

test('after kill -9 of the launcher in mid trial, the next start runs the one before', async () => {
  const { program, version, start, lines } = await host();
  await program.use(await version('1.0.0', 'exit 0'));
  const id = await version('2.0.0', HANGS);
  await program.beginTrial(id, 60);
  const first = start();
  await expect.poll(() => lines()).toHaveLength(1);
  // With all that it started, as a power cut does.
  process.kill(-(first.process.pid ?? 0), 'SIGKILL');
  expect(await first.exited).toBe('SIGKILL');
  expect(await start().exited).toBe(0);
  expect((await lines()).map((line) => line.slice(0, 5))).toEqual(['2.0.0', '1.0.0']);
  expect(await program.failed()).toEqual({ id, reason: 'interrupted' });
});

test('a trial that was stopped from outside is made again at the next start', async () => {
  const { program, version, start, lines } = await host();
  await program.use(await version('1.0.0', 'exit 0'));
  const id = await version('2.0.0', `trap 'exit 0' TERM\n${HANGS}`);
  await program.beginTrial(id, 60);
  const first = start();
  await expect.poll(() => lines()).toHaveLength(1);
  first.process.kill('SIGTERM');
  expect(await first.exited).toBe(0);
  expect(await program.trial()).toBe(id);
  const second = start();
  await expect.poll(() => lines()).toHaveLength(2);
  second.process.kill('SIGTERM');
  await second.exited;
  expect((await lines()).map((line) => line.slice(0, 5))).toEqual(['2.0.0', '2.0.0']);
});

test('when the version in use is not there, the one before it runs; without that it says so', async () => {
  const { program, version, start, lines } = await host();
  const first = await version('1.0.0', 'exit 0');
  await program.use(first);
  const second = await version('2.0.0', 'exit 1');
  await program.use(second);
  await rm(program.executableOf(second));
  const launched = start();
  expect(await launched.exited).toBe(0);
  expect(launched.stderr()).toContain(`version ${second} is not there; starting ${first}`);
  expect(await lines()).toHaveLength(1);
  await rm(program.executableOf(first));
  const none = start();
  expect(await none.exited).toBe(NO_VERSION_EXIT);
  expect(none.stderr()).toContain('install the agent again');
});

test('a pointer that leads out of the folder is none', async () => {
  const { program, version, start } = await host();
  await program.use(await version('1.0.0', 'exit 0'));
  for (const bad of ['../../elsewhere', '.', 'a/b', 'a b;c', '']) {
    await writeFile(join(program.path, 'current'), bad);
    expect(await start().exited).toBe(NO_VERSION_EXIT);
  }
});

test('a program folder that cannot be written does not make it try for ever', async () => {
  const { program, version, start, lines } = await host();
  await program.use(await version('1.0.0', 'exit 6'));
  const id = await version('2.0.0', 'exit 9');
  await program.beginTrial(id, 30);
  // Names that are folders can be neither written nor removed, not even by root.
  for (const name of ['trial.begun', 'failed.new', 'failed']) await rm(join(program.path, name), { force: true });
  await chmod(program.path, 0o500);
  onTestFinished(() => chmod(program.path, 0o700));
  const launched = start(
    process.getuid?.() === 0 ? { shell: ['/usr/bin/setpriv', '--bounding-set=-all', '--inh-caps=-all', ...SHELL] } : {},
  );
  expect(await launched.exited).toBe(6);
  expect((await lines()).map((line) => line.slice(0, 5))).toEqual(['2.0.0', '1.0.0']);
  expect(await program.trial()).toBe(id);
});

test('to launchd, only an end that is worth another try is a failure', async () => {
  const { program, version, start } = await host();
  for (const [code, seen] of [
    ...FINAL_EXITS.map((one) => [one, 0] as const),
    [0, 1] as const,
    [1, 1] as const,
    [20, 20] as const,
  ]) {
    await program.use(await version(`1.0.${code}`, `exit ${code}`));
    expect([code, await start({ first: ['--launchd'] }).exited]).toEqual([code, seen]);
  }
});

test('to launchd, the end that it asked for is the one that the agent took', async () => {
  const { program, version, start, lines } = await host();
  await program.use(await version('1.0.0', `trap 'exit 0' TERM\n${HANGS}`));
  const launched = start({ first: ['--launchd'] });
  await expect.poll(() => lines()).toHaveLength(1);
  launched.process.kill('SIGTERM');
  expect(await launched.exited).toBe(0);
  expect(isAlive(launched.process.pid ?? 0)).toBe(false);
});
