import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostTarget, provideBaseRuntime } from './base-runtime.ts';
import { signForPlatform } from './finish-executable.ts';
import { pkgPacker } from './pkg-packer.ts';
import { PROBE } from './testing/packed-probe.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-pkg-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sha256 = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

function runExecutable(path: string, env: Record<string, string>): Promise<{ stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    execFile(path, ['--probe'], { env }, (error, stdout, stderr) =>
      error ? reject(error) : resolve({ stdout, stderr }),
    );
  });
}

it('packs an executable that runs alone, lets nobody inject code, and has the same bytes each time', async () => {
  const target = hostTarget();
  const base = await provideBaseRuntime(target, () => undefined);
  const first = join(folder, 'first', 'probe.cjs');
  const second = join(folder, 'a-second-longer-folder', 'probe.cjs');
  const outputs: string[] = [];
  for (const bundle of [first, second]) {
    const output = `${bundle}.${process.platform === 'win32' ? 'exe' : 'out'}`;
    await mkdir(dirname(bundle), { recursive: true });
    await writeFile(bundle, PROBE);
    await pkgPacker.pack({ target, bundle, base, output });
    await signForPlatform(target, output);
    outputs.push(output);
  }
  const [one, two] = outputs as [string, string];
  expect(await sha256(two)).toBe(await sha256(one));

  const evil = join(folder, 'evil.cjs');
  await writeFile(evil, 'globalThis.injected = true;');
  // An empty environment: no PATH with another Node, nothing but the attempt to inject.
  const { stdout, stderr } = await runExecutable(one, {
    NODE_OPTIONS: `--require ${evil}`,
    // Windows cannot start a program without this one.
    ...(process.env.SystemRoot ? { SystemRoot: process.env.SystemRoot } : {}),
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual({
    sea: true,
    execArgv: ['--use-system-ca', '--disable-sigusr1'],
    version: base.version,
    platform: `${process.platform}-${process.arch}`,
    argument: '--probe',
    one: 1,
    injected: false,
  });
}, 180_000);
