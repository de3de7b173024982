import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, glob, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlatformTarget } from '../../../protocol/enrolment.ts';
import { BUILD_STATE } from '../../paths.ts';
import { sourceHash } from '../../source-hash.ts';
import type { BaseRuntime } from '../base-runtime.ts';
import { withPreparedRuntime } from '../finish-executable.ts';
import { pkgPacker } from '../pkg-packer.ts';

/** A program that says what it runs in. */
export const PROBE = `
const { DatabaseSync } = require('node:sqlite');
const db = new DatabaseSync(':memory:');
console.log(JSON.stringify({
  sea: require('node:sea').isSea(),
  execArgv: process.execArgv,
  version: process.versions.node,
  platform: process.platform + '-' + process.arch,
  argument: process.argv[2],
  one: db.prepare('select 1 as one').get().one,
  injected: globalThis.injected === true,
}));
`;

/** What makes a difference to the packed bytes, besides the runtime. */
const PACKED_BY = [
  'packer.ts',
  'pkg-packer.ts',
  'pkg-process.ts',
  'finish-executable.ts',
  'strip-elf.ts',
  'blank-mac-symbols.ts',
  'describe-windows.ts',
];

/**
 * A copy at `output` of the probe packed for the target of `base`, before anything is signed. Packing takes up to twenty
 * seconds, so what was packed is kept until the runtime, the packer or what surrounds it changes.
 */
export async function packedProbe(base: BaseRuntime, output: string): Promise<void> {
  const sources = await sourceHash(PACKED_BY.map((file) => `build/agents/${file}`));
  const key = createHash('sha256').update(`${sources}${base.sha256}${PROBE}`).digest('hex').slice(0, 24);
  const store = join(BUILD_STATE, 'probes');
  const kept = join(store, `${base.target}-${key}`);
  if (!existsSync(kept)) {
    await rmOldProbes(store, base.target);
    await mkdir(store, { recursive: true });
    const folder = await mkdtemp(join(store, 'unfinished-'));
    try {
      const bundle = join(folder, 'probe.cjs');
      await writeFile(bundle, PROBE);
      const packed = join(folder, 'packed');
      await withPreparedRuntime(base, (path) =>
        pkgPacker.pack({ target: base.target, bundle, base: { ...base, path }, output: packed }),
      );
      await rename(packed, kept);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  await copyFile(kept, output);
}

async function rmOldProbes(store: string, target: PlatformTarget): Promise<void> {
  for await (const old of glob(`${target}-*`, { cwd: store })) await rm(join(store, old), { force: true });
}
