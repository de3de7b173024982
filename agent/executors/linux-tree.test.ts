import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { lives } from '../testing/processes-of.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { searchOnly } from './confinement.ts';
import { forest } from './forest.ts';
import { processFacts } from './linux-processes.ts';

const OPERATION = '0b9cf7a2-59d3-4a0e-9d0b-2f2a8d4f1f00';

async function ready() {
  const folder = await temporaryFolder();
  const workFolder = join(folder, 'work');
  await mkdir(workFolder);
  const clock = manualClock();
  const tree = forest(clock, searchOnly('not in this test'))({ operation: OPERATION, attempt: 1, workFolder });
  onTestFinished(() => tree.over(true));
  return { folder, workFolder, clock, tree };
}

/** Starts a program in a session of its own; resolves with the numbers that it prints in its first line. */
async function started(command: string, cwd = '/', args: readonly string[] = ['/bin/sh', '-c', command]) {
  const [file = '', ...rest] = args;
  const child = spawn(file, rest, {
    cwd,
    detached: true,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => endAll(child, pids));
  const [line]: unknown[] = await once(child.stdout, 'data');
  const pids = String(line).trim().split(/\s+/).map(Number);
  return { child, pid: child.pid ?? 0, pids };
}

function endAll(child: ChildProcess, pids: readonly number[]): void {
  for (const pid of [child.pid ?? 0, ...pids]) {
    if (lives(pid)) process.kill(pid, 'SIGKILL');
  }
}

const pidsOf = (found: readonly { pid: number }[]) => found.map(({ pid }) => pid).toSorted((a, b) => a - b);

test('a child that was seen is known when its parent is gone and it has left the session', async () => {
  const { tree, clock } = await ready();
  const { child, pid, pids } = await started(`setsid sh -c 'exec >/dev/null; exec sleep 300' & echo $!; wait`);
  tree.entered(pid, false);
  const [daemon = 0] = pids;
  clock.advance(1_000);
  process.kill(pid, 'SIGKILL');
  await once(child, 'exit');
  expect(pidsOf(await tree.find())).toContain(daemon);
});

test('what is left of the session of a step that has ended is its own, and a session of others is not', async () => {
  const { tree } = await ready();
  const ours = await started('trap "" TERM; sleep 300 & echo $!; exec >/dev/null; wait');
  const others = await started('sleep 300 & echo $!; wait');
  tree.entered(ours.pid, false);
  await tree.find();
  process.kill(ours.pid, 'SIGKILL');
  await once(ours.child, 'exit');
  expect(pidsOf(await tree.find())).toEqual(ours.pids);
  expect(others.pids.every((pid) => processFacts(pid) !== null)).toBe(true);
});

test('a number that belongs to another process by now is never signalled', async () => {
  const { tree } = await ready();
  const { pid, child } = await started('echo $$; exec sleep 300');
  tree.entered(pid, false);
  const [found] = await tree.find();
  if (found === undefined) throw new Error('The step was not found.');
  // As found of a process with this number that began at another time.
  await tree.signal([{ ...found, born: String(Number(found.born) - 1) }], true);
  expect(processFacts(pid)?.state).not.toBe('Z');
  await tree.signal([found], true);
  await once(child, 'exit');
  expect(await tree.find()).toEqual([]);
});

test('who merely looks at the folder of an operation is let alone', async () => {
  const { tree, folder, workFolder } = await ready();
  const before = await started('echo $$; exec sleep 300', workFolder);
  // The kernel counts in ticks of 10 ms: the step has to begin in a later one.
  const born = Number(processFacts(before.pid)?.startTicks);
  await expect.poll(() => uptime() * 100 - born).toBeGreaterThan(2);
  const step = await started('echo $$; exec sleep 300', workFolder);
  tree.entered(step.pid, false);
  await mkdir(join(folder, 'work-2'));
  const elsewhere = await started('echo $$; exec sleep 300', join(folder, 'work-2'));
  const shell = `cd '${workFolder}' && echo $$ && exec sleep 300`;
  const person = await started('', '/', ['script', '-qec', shell, '/dev/null']);
  const stray = await started('echo $$; exec sleep 300', workFolder);
  const found = pidsOf(await tree.find());
  expect(found).toContain(step.pid);
  expect(found).toContain(stray.pid);
  for (const innocent of [before.pid, elsewhere.pid, ...person.pids, process.pid])
    expect(found).not.toContain(innocent);
});
