import { rmdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { systemCode } from '../agent-exit.ts';

/** Deletes a folder with all that is in it; one that is not there is deleted already. @throws what the system says. */
export async function removeFolder(path: string): Promise<void> {
  try {
    // Most are empty or not there: one system call, in place.
    rmdirSync(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') await rm(path, { recursive: true, force: true, maxRetries: 2 });
  }
}
