import { chmodSync, closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from '../start-error.ts';

/**
 * Writes beside and renames: a reader sees the old file or the new one, whole, and a crash leaves one of them. Durable when
 * it returns: what was said to others because of it must not be undone by a power failure.
 */
export function writeWhole(path: string, content: string): void {
  const beside = `${path}.new`;
  try {
    writeFileSync(beside, content, { mode: 0o600, flush: true });
    // The mode above only counts for a new file; one left from a crash may have another.
    chmodSync(beside, 0o600);
    renameSync(beside, path);
    flushFolder(dirname(path));
  } catch (cause) {
    throw folderProblem(path, cause);
  }
}

/** Makes a rename durable. Windows opens no folders, and writes their changes through by itself. */
function flushFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
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
