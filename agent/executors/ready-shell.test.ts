import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { manualClock, systemClock } from '../../protocol/clock.ts';
import { type Become, quoted, ReadyShell } from './ready-shell.ts';

const linux = test.skipIf(process.platform !== 'linux');
const BASE = { PATH: '/usr/bin:/bin', HOME: '/root', PWD: '/elsewhere', KEPT: 'as it is' };

/** A shell that is ready to become `file`. */
async function ready(file = '/bin/sh', base: Record<string, string> = BASE) {
  const clock = manualClock();
  const shell = new ReadyShell(base, clock);
  onTestFinished(() => shell.stop());
  shell.proved(file);
  clock.advance(1000);
  return { shell, clock };
}

const become = (args: string[], change: Partial<Become> = {}): Become => ({
  commandLine: { file: '/bin/sh', args, verbatim: false },
  cwd: '/',
  env: BASE,
  ...change,
});

async function run(shell: ReadyShell, wanted: Become) {
  const process = shell.take(wanted);
  if (process === null) throw new Error('Nothing is ready.');
  const { child } = process;
  const output = Promise.all([buffer(child.stdout), buffer(child.stderr)]);
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  process.begin();
  const [stdout, stderr] = (await output).map(String);
  return { pid: child.pid, code: await ended, stdout, stderr };
}

linux(
  'becomes the program in place: same process, its own session, its folder, its exit code, nothing to read',
  async () => {
    const { shell } = await ready();
    const folder = await realpath(await mkdtemp(join(tmpdir(), "a folder's name ")));
    const text = 'echo $$; pwd; ps -o sid= -p $$; wc -c; echo bad >&2; exit 7';
    const { pid, code, stdout, stderr } = await run(shell, become(['-c', text], { cwd: folder }));
    expect(stdout?.split('\n').map((line) => line.trim())).toEqual([`${pid}`, folder, `${pid}`, '0', '']);
    expect([code, stderr]).toEqual([7, 'bad\n']);
  },
);

linux('gives the program exactly its environment', async () => {
  const { shell } = await ready('/usr/bin/env');
  const env = { PATH: '/bin', HOME: '/root', RD_OPTION_A: "it's\n$HOME `id` \\", OUTRUNNER_OPERATION: 'x', EMPTY: '' };
  const wanted = { commandLine: { file: '/usr/bin/env', args: ['-0'], verbatim: false }, cwd: '/tmp', env };
  const { stdout } = await run(shell, wanted);
  const seen = stdout?.split('\0').filter((line) => line !== '' && !line.startsWith('_='));
  expect(seen?.sort()).toEqual(
    Object.entries(env)
      .map(([name, value]) => `${name}=${value}`)
      .sort(),
  );
});

linux('one that was missed is there for the next step, and a burst makes none', async () => {
  const { shell, clock } = await ready();
  expect(shell.take(become([]))).not.toBeNull();
  // Another begins right behind: nothing is ready for it, and nothing is made while they come this fast.
  for (let i = 0; i < 5; i++) {
    clock.advance(5);
    expect(shell.take(become([]))).toBeNull();
    shell.proved('/bin/sh');
  }
  clock.advance(24);
  expect(shell.waitingPid).toBeNull();
  // From here on they come one after the other.
  expect(shell.take(become([]))).toBeNull();
  shell.proved('/bin/sh');
  clock.advance(12);
  expect(shell.take(become([]))).not.toBeNull();
});

linux('hands every argument over as it is', async () => {
  const clock = manualClock();
  const shell = new ReadyShell(BASE, clock);
  onTestFinished(() => shell.stop());
  const argument = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0') && text.isWellFormed());
  await fc.assert(
    fc.asyncProperty(fc.array(argument, { maxLength: 5 }), async (args) => {
      shell.proved('/usr/bin/printf');
      clock.advance(1000);
      const commandLine = { file: '/usr/bin/printf', args: ['%s\\0', 'first', ...args], verbatim: false };
      const { stdout } = await run(shell, { commandLine, cwd: '/', env: BASE });
      expect(stdout).toBe(['first', ...args].map((text) => `${text}\0`).join(''));
    }),
    { numRuns: 40 },
  );
});

test('a word in quotes is one word, whatever is in it', () => {
  expect(quoted("a'b $c")).toBe(`'a'\\''b $c'`);
  expect(quoted('')).toBe("''");
});

linux(
  'is not used for what was never started the straight way, is too long, or a shell could not hand over',
  async () => {
    const { shell, clock } = await ready();
    const unknown = become([], { commandLine: { file: '/bin/true', args: [], verbatim: false } });
    for (const wanted of [unknown, become(['-c', 'x'.repeat(40_000)]), become([], { env: { ...BASE, 'a-b': '1' } })])
      expect(shell.take(wanted)).toBeNull();
    const odd = new ReadyShell({ ...BASE, 'BASH_FUNC_x%%': '() { :; }' }, clock);
    odd.proved('/bin/sh');
    clock.advance(1000);
    expect(odd.take(become([]))).toBeNull();
    expect(new ReadyShell(BASE, clock, 'win32').take(become([]))).toBeNull();
  },
);

linux('one that was killed while it waited is replaced', async () => {
  const shell = new ReadyShell(BASE, systemClock());
  onTestFinished(() => shell.stop());
  shell.proved('/bin/sh');
  const first = await expect
    .poll(() => shell.waitingPid)
    .not.toBeNull()
    .then(() => shell.waitingPid as number);
  process.kill(first, 'SIGKILL');
  await expect.poll(() => shell.waitingPid).toBeNull();
  expect(shell.take(become(['-c', 'true']))).toBeNull();
  await expect.poll(() => shell.waitingPid).not.toBeNull();
  expect((await run(shell, become(['-c', 'echo again']))).stdout).toBe('again\n');
});

linux('ends with the agent, and in a burst none is made', async () => {
  const { shell, clock } = await ready();
  const pid = shell.waitingPid as number;
  await run(shell, become(['-c', 'true']));
  clock.advance(7);
  expect(shell.waitingPid).not.toBe(pid);
  await run(shell, become(['-c', 'true']));
  // The second followed at once: the next is made when it is quiet.
  clock.advance(7);
  expect(shell.waitingPid).toBeNull();
  clock.advance(1000);
  const last = shell.waitingPid as number;
  shell.stop();
  await expect.poll(() => isAlive(last)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH.
  }
}
