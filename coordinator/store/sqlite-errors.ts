import { OutrunnerError } from '../../protocol/problems.ts';
import { StartError } from '../start-error.ts';

/** Primary result codes of SQLite that are told apart. */
export const SQLITE = {
  busy: 5,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

interface SqliteError extends Error {
  readonly errcode: number;
}

/** Whether `error` was thrown by SQLite itself. */
export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number';
}

/** Whether SQLite refused a row because a unique index has its key already. */
export function isUniqueViolation(error: unknown): boolean {
  const cause = error instanceof OutrunnerError ? error.cause : error;
  return isSqliteError(cause) && (cause.errcode === 2067 || cause.errcode === 1555);
}

/** What a caller of the store hears when SQLite failed: a full disk is told apart from a bug. */
export function asStoreError(error: unknown): unknown {
  if (!isSqliteError(error)) return error;
  if ((error.errcode & 0xff) === SQLITE.full) return new OutrunnerError('storage-full', { cause: error });
  return new OutrunnerError('internal', { detail: 'The database refused the change.', cause: error });
}

/** One line for a person who starts the coordinator and whose database does not open. */
export function asOpenError(error: unknown, path: string): unknown {
  if (!isSqliteError(error)) return error;
  const say = (text: string) => new StartError('data', text, error);
  switch (error.errcode & 0xff) {
    case SQLITE.notADatabase:
    case SQLITE.corrupt:
      return say(
        `The database ${path} is damaged or is not a database (${error.message}). Restore a copy of the data folder.`,
      );
    case SQLITE.readonly:
      return say(`The database ${path} cannot be written. Check the permissions of the data folder.`);
    case SQLITE.cannotOpen:
      return say(`The database ${path} cannot be opened. Check the permissions of the data folder.`);
    case SQLITE.full:
      return say(`The disk of the database ${path} is full.`);
    case SQLITE.ioError:
      return say(`The database ${path} cannot be read or written (${error.message}).`);
    default:
      return say(`The database ${path} cannot be used (${error.message}).`);
  }
}
