import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BUILD_STATE } from './paths.ts';

const LOCK = join(BUILD_STATE, 'lock');
const POLL_MS = 250;

/**
 * Runs `work` while no other build of this checkout runs: `npm start` and `npm test` in two terminals would otherwise write
 * the same files at once. The lock of a process that is gone counts for nothing.
 */
export async function withBuildLock<T>(
  report: (line: string) => void,
  work: () => Promise<T>,
  lock = LOCK,
): Promise<T> {
  await mkdir(dirname(lock), { recursive: true });
  let told = false;
  while (!(await tryLock(lock))) {
    const holder = await readHolder(lock);
    if (holder !== undefined && !isAlive(holder)) await rm(lock, { force: true });
    else {
      if (!told) report(`another build is running (process ${holder ?? 'unknown'}); waiting for it`);
      told = true;
      await delay(POLL_MS);
    }
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

/** The file appears with its content or not at all: a link is atomic, creating and then writing is not. */
async function tryLock(lock: string): Promise<boolean> {
  const own = `${lock}.${process.pid}.${randomUUID()}`;
  await writeFile(own, String(process.pid));
  try {
    await link(own, lock);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Undefined when the lock was given back in between. */
async function readHolder(lock: string): Promise<number | undefined> {
  try {
    return Number(await readFile(lock, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to someone else.
    return codeOf(error) === 'EPERM';
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
