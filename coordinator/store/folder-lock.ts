import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../start-error.ts';
import { isSqliteError, SQLITE } from './sqlite-errors.ts';

export interface FolderLock {
  release(): void;
}

/** The locks that this process holds. A connection that nobody refers to is collected, and its lock is gone with it. */
const held = new Set<DatabaseSync>();

/**
 * Takes the lock `path` for this process, or returns null when another one holds it. The operating system holds the lock
 * (it is SQLite's own on an empty database), so it ends with its process however that dies, and a process id that was
 * given out again, a copied folder or a host that was restarted cannot fool it.
 * @throws StartError when the file cannot be made.
 */
export function lockFolder(path: string): FolderLock | null {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('begin exclusive');
    chmodSync(path, 0o600);
  } catch (error) {
    database?.close();
    if (isSqliteError(error) && (error.errcode & 0xff) === SQLITE.busy) return null;
    throw new StartError('data', `${path} cannot be written. Check the permissions of the data folder.`, error);
  }
  const lock = database;
  held.add(lock);
  return {
    release() {
      held.delete(lock);
      lock.close();
    },
  };
}
