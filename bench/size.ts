import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createDeflateRaw, createGzip } from 'node:zlib';
import { provideBaseRuntime } from '../build/agents/base-runtime.ts';
import { AGENTS_OUT, DIST } from '../build/paths.ts';
import { AGENT_TARGET_TABLE, SignedReleaseSchema } from '../protocol/release.ts';
import type { Benchmark, Figure } from './harness/figures.ts';

/**
 * How much a host owner downloads and keeps, for each platform that is built (`npm run build:agents -- all` builds the rest).
 * Floor: the Node runtime as npm delivers it, and that compressed in the same way.
 */
export const size: Benchmark = {
  name: 'size',
  what: 'executables and their downloads',
  async run() {
    const text = await readFile(path.join(AGENTS_OUT, 'manifest.json'), 'utf8');
    const { manifest } = SignedReleaseSchema.parse(JSON.parse(text));
    const figures: Figure[] = [];
    for (const executable of manifest.executables) {
      const { label } = AGENT_TARGET_TABLE[executable.target];
      const base = await provideBaseRuntime(executable.target, console.log);
      const kept = (await stat(base.path)).size;
      const download = await compressedSize(base.path, executable.compressed.encoding);
      figures.push(
        { what: `${label}, on disk`, value: megabytes(executable.size), floor: megabytes(kept), unit: 'MB' },
        {
          what: `${label}, download`,
          value: megabytes(executable.compressed.size),
          floor: megabytes(download),
          unit: 'MB',
          bar: '≤ 45 MB',
        },
      );
    }
    const bundle = await stat(path.join(DIST, 'agent', 'agent.cjs'));
    figures.push({ what: 'of it ours: the bundle', value: bundle.size / 1e3, unit: 'KB' });
    return figures;
  },
};

async function compressedSize(file: string, encoding: 'gzip' | 'deflate-raw'): Promise<number> {
  let total = 0;
  await pipeline(
    createReadStream(file, { highWaterMark: 1024 * 1024 }),
    encoding === 'gzip' ? createGzip({ level: 9 }) : createDeflateRaw({ level: 9 }),
    async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) total += chunk.length;
    },
  );
  return total;
}

function megabytes(bytes: number): number {
  return bytes / 1e6;
}
