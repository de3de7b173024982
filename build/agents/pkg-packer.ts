import { spawn } from 'node:child_process';
import { copyFile, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE } from '../../protocol/release.ts';
import { BUILD_STATE } from '../paths.ts';
import { hostTarget } from './base-runtime.ts';
import { BuildError } from './build-error.ts';
import type { Packer, PackJob } from './packer.ts';

/** The arguments of `pkg-process.ts`, as JSON in its argv. */
export interface PkgRequest {
  readonly bundle: string;
  readonly output: string;
  readonly nodeVersion: string;
  readonly platform: 'linux' | 'win' | 'macos';
  readonly arch: string;
}

/**
 * pkg in its simple single-executable mode. It wants to download Node; it is given a home of its own in which the
 * download seems to have happened already: the runtime from npm, empty archives, and the `.ok` files by which pkg marks a
 * finished download. It runs in a process of its own, because only HOME moves its cache and it takes about 1 GB.
 */
export const pkgPacker: Packer = {
  name: 'pkg 6.23.0, simple',

  async pack(job) {
    // Beside the checkout, so that the runtime can be linked in instead of copied.
    await mkdir(BUILD_STATE, { recursive: true });
    const home = await mkdtemp(join(BUILD_STATE, 'pack-'));
    try {
      const cache = join(home, '.pkg-cache', 'sea');
      await seedCache(cache, job.base.version, job.target, job.base.path);
      if (job.base.generator) await seedCache(cache, job.base.version, hostTarget(), job.base.generator);
      await copyFile(job.bundle, join(home, 'agent.cjs'));
      await mkdir(dirname(job.output), { recursive: true });
      await runPkg(home, job);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  },
};

async function seedCache(cache: string, version: string, target: PlatformTarget, runtime: string): Promise<void> {
  const row = AGENT_TARGET_TABLE[target];
  const windows = row.platform === 'win32';
  const name = `node-v${version}-${windows ? 'win' : row.platform}-${row.arch}`;
  const archive = join(cache, `${name}.${windows ? 'zip' : 'tar.gz'}`);
  const binary = windows ? join(cache, `${name}.exe`) : join(cache, name, 'bin', 'node');
  await mkdir(dirname(binary), { recursive: true });
  await linkOrCopy(runtime, binary);
  for (const empty of [archive, `${archive}.ok`, `${binary}.ok`]) await writeFile(empty, '');
}

/** A link saves 120 MB of copying; across file systems there are none. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && ['EXDEV', 'EPERM', 'ENOTSUP'].includes(String(error.code))))
      throw error;
    await copyFile(from, to);
  }
}

async function runPkg(home: string, job: PackJob): Promise<void> {
  const row = AGENT_TARGET_TABLE[job.target];
  const platform = ({ linux: 'linux', win32: 'win', darwin: 'macos' } as const)[row.platform];
  const request: PkgRequest = {
    bundle: join(home, 'agent.cjs'),
    output: job.output,
    nodeVersion: job.base.version,
    platform,
    arch: row.arch,
  };
  const env = { ...process.env, HOME: home, USERPROFILE: home, TMPDIR: home, TEMP: home, TMP: home, NODE_OPTIONS: '' };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'pkg-process.ts'), JSON.stringify(request)], {
    cwd: home,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new BuildError(`${job.target}: pkg failed (exit ${code}):\n${output.trim()}`);
}
