import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withBuildLock } from './build-lock.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-lock-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('lets one build run after the other, and says that it waits', async () => {
  const lock = join(folder, 'lock');
  const happened: string[] = [];
  const lines: string[] = [];
  let letFirstEnd: (() => void) | undefined;
  const firstMayEnd = new Promise<void>((resolve) => (letFirstEnd = resolve));
  const first = withBuildLock(
    () => undefined,
    async () => {
      happened.push('first begins');
      await firstMayEnd;
      happened.push('first ends');
    },
    lock,
  );
  await expect.poll(() => happened).toEqual(['first begins']);
  const second = withBuildLock(
    (line) => lines.push(line),
    async () => void happened.push('second'),
    lock,
  );
  await expect.poll(() => lines).toEqual([`another build is running (process ${process.pid}); waiting for it`]);
  letFirstEnd?.();
  await Promise.all([first, second]);
  expect(happened).toEqual(['first begins', 'first ends', 'second']);
  expect(await readdir(folder)).toEqual([]);
});

it('gives the lock back when a build fails', async () => {
  const lock = join(folder, 'lock');
  const failing = withBuildLock(
    () => undefined,
    () => Promise.reject(new Error('broken build')),
    lock,
  );
  await expect(failing).rejects.toThrow('broken build');
  expect(
    await withBuildLock(
      () => undefined,
      () => Promise.resolve('ran'),
      lock,
    ),
  ).toBe('ran');
});

it('takes over the lock of a process that is gone', async () => {
  const lock = join(folder, 'lock');
  const { pid } = spawnSync(process.execPath, ['--version']);
  await writeFile(lock, String(pid));
  expect(
    await withBuildLock(
      () => undefined,
      () => Promise.resolve('ran'),
      lock,
    ),
  ).toBe('ran');
});
