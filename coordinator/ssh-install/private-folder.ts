import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, rm, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { megabytes } from './remote-folder.ts';

/** A folder of ours for one installation on Windows. No name but these is ever removed. */
const NAME = /^outrunner-install-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** How often a folder that is used says so, by its time. */
const BEAT_MS = 60_000;
/** One that has not said so for this long belongs to nobody any more. */
const ABANDONED_MS = 15 * 60_000;
/** A virus scanner, or a program that is just ending, holds a file for a moment: how often, and how much later each time. */
const TRY_AGAIN = { maxRetries: 7, retryDelay: 200 } as const;

/** A folder for one installation that is guarded by nobody but us: who is killed leaves it to the next installation. */
export interface PrivateFolder {
  readonly path: string;
  /** Removes it with all that is in it. Resolves with null, or with why something is left. */
  remove(): Promise<string | null>;
}

/**
 * Makes a folder in `parent`, whose rights it inherits on Windows, with room for `needBytes`, and says from time to time that
 * it is used.
 * @throws OutrunnerError `ssh-no-space`, `ssh-no-folder`.
 */
export async function makePrivateFolder(parent: string, clock: Clock, needBytes: number): Promise<PrivateFolder> {
  const path = join(parent, `outrunner-install-${randomUUID()}`);
  try {
    await mkdir(parent, { recursive: true });
    const { bavail, bsize } = await statfs(parent);
    if (bavail * bsize < needBytes) throw tooFull(needBytes, `${parent} has ${megabytes(bavail * bsize)}`);
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof OutrunnerError) throw error;
    const detail = `There is no folder for the installation: ${parent} cannot be written to (${codeOf(error)}).`;
    throw new OutrunnerError('ssh-no-folder', { detail, cause: error });
  }
  // By our clock, as it is read. What cannot be marked is removed early at worst, and then the installation says so.
  const mark = () => void utimes(path, clock.now() / 1000, clock.now() / 1000).catch(() => undefined);
  mark();
  const beat = clock.every(BEAT_MS, mark);
  return {
    path,
    async remove() {
      beat.cancel();
      try {
        await rm(path, { recursive: true, force: true, ...TRY_AGAIN });
        return null;
      } catch (error) {
        return codeOf(error);
      }
    },
  };
}

/**
 * Removes the folders of installations whose process was killed: those of our name that nobody has used for a quarter of an
 * hour. Links are none of ours, whatever they are called. What cannot be removed now is left to the next time.
 */
export async function removeAbandoned(parent: string, clock: Clock): Promise<void> {
  const names = await readdir(parent).catch((): string[] => []);
  for (const name of names.filter((one) => NAME.test(one))) {
    const path = join(parent, name);
    try {
      const found = await lstat(path);
      if (!found.isDirectory() || clock.now() - found.mtimeMs < ABANDONED_MS) continue;
      await rm(path, { recursive: true, force: true });
    } catch {
      // Somebody else was faster, or something in it still runs.
    }
  }
}

/** What a file system said, as an error for a person; any other error as it is. */
export function asFileProblem(error: unknown, needBytes: number): unknown {
  if (error instanceof OutrunnerError || !(error instanceof Error) || !('syscall' in error)) return error;
  const code = codeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return tooFull(needBytes, 'its disk filled up meanwhile');
  const detail = `The package could not be written on this computer (${code}).`;
  return new OutrunnerError('ssh-install-failed', { detail, cause: error });
}

function tooFull(needBytes: number, what: string): OutrunnerError {
  const detail = `The installation needs ${megabytes(needBytes)} for a while; ${what}.`;
  return new OutrunnerError('ssh-no-space', { detail });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
