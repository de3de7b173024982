import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { StartError } from '../start-error.ts';
import { type CoordinatorKeys, openKeys } from './coordinator-keys.ts';
import { lockFolder } from './folder-lock.ts';

/** What `coordinator.json` says of the coordinator that uses the folder now, for programs on the same host. */
export const RunningCoordinatorSchema = z.object({
  url: z.string(),
  pid: z.number().int(),
  startedAt: z.iso.datetime(),
});
export type RunningCoordinator = z.infer<typeof RunningCoordinatorSchema>;

/** The one folder that holds all of a coordinator: copied as a whole while it is stopped, it is a backup. */
export interface DataFolder {
  readonly path: string;
  readonly databasePath: string;
  readonly journalsPath: string;
  readonly keys: CoordinatorKeys;
  /** Where the owner's sign-in ticket lies; readable by this user alone. */
  readonly ownerTicketPath: string;
  /** Writes a file that only this user can read, whole or not at all. */
  writePrivate(name: string, content: string): void;
  /** Tells programs on this host where the coordinator listens. */
  announce(running: RunningCoordinator): void;
  /** Takes the announcement back and lets another coordinator use the folder. */
  release(): void;
}

const ANNOUNCEMENT = 'coordinator.json';

/**
 * Makes the folder if it is not there, locks it against a second coordinator, and opens its keys.
 * @throws StartError with one line for a person when it cannot be used or is in use.
 */
export function openDataFolder(path: string): DataFolder {
  makePrivateFolder(path);
  const lock = lockFolder(join(path, 'lock'));
  if (lock === null) throw inUse(path);
  try {
    const journalsPath = join(path, 'journals');
    makePrivateFolder(journalsPath);
    makePrivateFolder(join(path, 'keys'));
    const writePrivate = (name: string, content: string) => writeWhole(join(path, name), content);
    return {
      path,
      databasePath: join(path, 'outrunner.db'),
      journalsPath,
      keys: openKeys(join(path, 'keys')),
      ownerTicketPath: join(path, 'owner.ticket'),
      writePrivate,
      announce: (running) => writePrivate(ANNOUNCEMENT, `${JSON.stringify(running)}\n`),
      release() {
        rmSync(join(path, ANNOUNCEMENT), { force: true });
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The coordinator that announced itself in this folder, or null. It may have died since: check that it answers. */
export function readAnnouncement(path: string): RunningCoordinator | null {
  let text: string;
  try {
    text = readFileSync(join(path, ANNOUNCEMENT), 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  const parsed = RunningCoordinatorSchema.safeParse(parseJson(text));
  return parsed.success ? parsed.data : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A torn announcement says as little as none.
    return null;
  }
}

function inUse(path: string): StartError {
  const running = readAnnouncement(path);
  const who = running === null ? 'another coordinator' : `the coordinator at ${running.url} (process ${running.pid})`;
  return new StartError(
    'locked',
    `The data folder ${path} is in use by ${who}. Stop it, or choose another --data-dir.`,
  );
}

function makePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw folderProblem(path, cause);
  }
}

/** Writes beside and renames: a reader sees the old file or the new one, whole, and a crash leaves one of them. */
export function writeWhole(path: string, content: string): void {
  const beside = `${path}.new`;
  try {
    writeFileSync(beside, content, { mode: 0o600, flush: true });
    // The mode above only counts for a new file; one left from a crash may have another.
    chmodSync(beside, 0o600);
    renameSync(beside, path);
  } catch (cause) {
    throw folderProblem(path, cause);
  }
}

/** Whether `error` says that a file is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** One line for a person about a file or folder below the data folder that cannot be used. */
export function folderProblem(path: string, cause: unknown): StartError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reasons: Record<string, string> = {
    EACCES: 'the permission is missing',
    EPERM: 'the permission is missing',
    EROFS: 'the file system is read-only',
    ENOSPC: 'the disk is full',
    EEXIST: 'a file is in the way',
    ENOTDIR: 'a part of the path is not a folder',
  };
  const reason = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new StartError('data', `${path} in the data folder cannot be used: ${reason}.`, cause);
}
