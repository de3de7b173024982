import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  COORDINATOR_FILE,
  type CoordinatorFile,
  CoordinatorFileSchema,
  OWNER_TICKET_FILE,
} from '../../protocol/data-folder.ts';
import { StartError } from '../start-error.ts';
import { type CoordinatorKeys, openKeys } from './coordinator-keys.ts';
import { lockFolder } from './folder-lock.ts';
import { folderProblem, isMissing, writeWhole } from './private-files.ts';

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
  announce(running: CoordinatorFile): void;
  /** Takes the announcement back and lets another coordinator use the folder. */
  release(): void;
}

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
      ownerTicketPath: join(path, OWNER_TICKET_FILE),
      writePrivate,
      announce: (running) => writePrivate(COORDINATOR_FILE, `${JSON.stringify(running)}\n`),
      release() {
        rmSync(join(path, COORDINATOR_FILE), { force: true });
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The coordinator that announced itself in this folder, or null. It may have died since: check that it answers. */
export function readAnnouncement(path: string): CoordinatorFile | null {
  let text: string;
  try {
    text = readFileSync(join(path, COORDINATOR_FILE), 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  const parsed = CoordinatorFileSchema.safeParse(parseJson(text));
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
