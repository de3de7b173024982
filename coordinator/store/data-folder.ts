import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { StartError } from '../start-error.ts';
import { type CoordinatorKeys, openKeys } from './coordinator-keys.ts';
import { lockFolder } from './folder-lock.ts';
import { folderProblem, isMissing, writeWhole } from './private-files.ts';

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
