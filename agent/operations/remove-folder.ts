import { lstatSync, rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';

/** Deletes a file or a folder with all that is in it; one that is not there is deleted already. @throws what the system says. */
export async function removeFolder(path: string): Promise<void> {
  // Asked first: an error that Node makes costs more than the question.
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  try {
    // Most are empty: one system call, in place.
    rmdirSync(path);
  } catch {
    await rm(path, { recursive: true, force: true, maxRetries: 2 });
  }
}
