import { lstatSync, rmdir } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const removeEmpty = promisify(rmdir);

/**
 * Deletes a file or a folder with all that is in it; one that is not there is deleted already. Not in place: file systems let
 * a deletion wait while they make others durable, and nobody waits for this one. @throws what the system says.
 */
export async function removeFolder(path: string): Promise<void> {
  // Asked first: an error that Node makes costs more than the question.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  try {
    // Most are empty: one system call.
    await removeEmpty(path);
  } catch {
    await rm(path, { recursive: true, force: true, maxRetries: 2 });
  }
}
