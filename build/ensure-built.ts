import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Report } from './agents/build-agents.ts';
import { withBuildLock } from './build-lock.ts';
import { PARTS, type Part, RECIPES } from './parts.ts';
import { DIST } from './paths.ts';
import { sourceHash } from './source-hash.ts';

/** In `dist/`, so that deleting it forgets everything. */
const STAMPS = join(DIST, '.built');

export interface EnsureBuiltOptions {
  /** Builds although nothing changed. */
  readonly force?: boolean;
}

/**
 * Builds the parts that are missing or older than their sources, in order, and says one line for each. Parts that are up
 * to date cost a few milliseconds and say nothing. Safe to call from several processes at once.
 * @throws whatever the build of a part throws; BuildError when a person can mend it.
 */
export async function ensureBuilt(
  parts: readonly Part[] = PARTS,
  report: Report = console.log,
  options: EnsureBuiltOptions = {},
): Promise<void> {
  const stale = options.force ? [...parts] : await staleParts(parts);
  if (stale.length === 0) return;
  await withBuildLock(report, async () => {
    for (const part of stale) {
      // Whoever held the lock before may have built it.
      const hash = await whatGoesInto(part);
      if (!options.force && (await isFresh(part, hash))) continue;
      const start = performance.now();
      await RECIPES[part].build((line) => report(`  ${line}`));
      await mkdir(STAMPS, { recursive: true });
      await writeFile(join(STAMPS, part), hash);
      report(`built ${part} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    }
  });
}

async function staleParts(parts: readonly Part[]): Promise<Part[]> {
  const fresh = await Promise.all(parts.map(async (part) => isFresh(part, await whatGoesInto(part))));
  return parts.filter((_part, index) => !fresh[index]);
}

/** One hash over the sources of a part and the settings that change what is made of them. */
export async function whatGoesInto(part: Part): Promise<string> {
  const { inputs, settings } = RECIPES[part];
  const sources = await sourceHash(inputs);
  return settings
    ? createHash('sha256')
        .update(`${sources}\n${await settings()}`)
        .digest('hex')
    : sources;
}

async function isFresh(part: Part, hash: string): Promise<boolean> {
  if (!RECIPES[part].outputs.every((output) => existsSync(join(DIST, output)))) return false;
  const stamp = join(STAMPS, part);
  return existsSync(stamp) && (await readFile(stamp, 'utf8')) === hash;
}
