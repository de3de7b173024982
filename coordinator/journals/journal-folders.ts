import { close, constants, fsync, mkdir, open } from 'node:fs';
import { promisify } from 'node:util';

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fsync);
const makeFolder = promisify(mkdir);

/**
 * The folders in which journals lie: made once, and kept open, because the name of every new file is made durable by a
 * flush of its folder. Windows cannot do that, and does not need it.
 */
export class JournalFolders {
  readonly #open = new Map<string, Promise<number | null>>();

  /** Makes the folder unless it is known to be there. */
  async ensure(folder: string): Promise<void> {
    await this.#folder(folder);
  }

  /** Makes the names of the files in it durable. */
  async sync(folder: string): Promise<void> {
    const descriptor = await this.#folder(folder);
    if (descriptor !== null) await syncFile(descriptor);
  }

  async stop(): Promise<void> {
    const folders = [...this.#open.values()];
    this.#open.clear();
    for (const folder of folders) {
      const descriptor = await folder;
      if (descriptor !== null) await closeFile(descriptor);
    }
  }

  #folder(folder: string): Promise<number | null> {
    const known = this.#open.get(folder);
    if (known !== undefined) return known;
    const opening = openFolder(folder);
    this.#open.set(folder, opening);
    // A failure must not be kept: the disk may have been full.
    opening.catch(() => this.#open.delete(folder));
    return opening;
  }
}

async function openFolder(folder: string): Promise<number | null> {
  await makeFolder(folder, { recursive: true, mode: 0o700 });
  return process.platform === 'win32' ? null : openFile(folder, constants.O_RDONLY);
}
