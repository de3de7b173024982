import { createHash, randomBytes } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from '../agent-exit.ts';
import { syncFolder, writeFileAtomic } from '../config/atomic-file.ts';

/** Name of a version in a program folder: product version and the begin of the executable's SHA-256. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/;
/** As long as a new version has to check in, unless told otherwise. */
export const TRIAL_SECONDS = 120;
const EXECUTABLE_MODE = 0o755;

/** Why a version was given up; written by the launcher. */
export interface FailedTrial {
  readonly id: string;
  /** `exit-<code>`, `silent`, `interrupted`, `missing`. */
  readonly reason: string;
}

/**
 * The folder in which the versions of the agent lie on this host: `versions/<id>/<executable>`, and small files of one line that
 * say which is in use. Each changes by a rename, so that after a power cut at any moment the launcher finds the old state or the
 * new one. Versions are never changed: a new one is put beside the old.
 */
export class ProgramFolder {
  readonly path: string;
  readonly #executable: string;

  constructor(path: string, platform: NodeJS.Platform = process.platform) {
    this.path = path;
    this.#executable = platform === 'win32' ? 'outrunner-agent.exe' : 'outrunner-agent';
  }

  /** Where the executable of a version lies, whether or not it is there. */
  executableOf(id: string): string {
    if (!ID.test(id)) throw new RangeError(`"${id}" is no name of a version.`);
    return join(this.path, 'versions', id, this.#executable);
  }

  /** The version in use; null when there is none. */
  async current(): Promise<string | null> {
    return await this.#idIn('current');
  }

  /** The version that was in use before it. */
  async previous(): Promise<string | null> {
    return await this.#idIn('previous');
  }

  /** The version that is to be tried, or is being tried. */
  async trial(): Promise<string | null> {
    return await this.#idIn('trial');
  }

  /** The version that was tried last and given up; null when the last one is in use, or it was told already. */
  async failed(): Promise<FailedTrial | null> {
    const [id = '', reason = ''] = (await this.#lineIn('failed')).split(' ');
    return ID.test(id) ? { id, reason } : null;
  }

  /** The line of a small file of somebody else's in this folder; empty when it is not there. */
  async noteOf(name: string): Promise<string> {
    return await this.#lineIn(name);
  }

  async forgetFailed(): Promise<void> {
    await rm(join(this.path, 'failed'), { force: true });
  }

  /** Puts an executable in as a version, whole or not at all, and returns its id. Does nothing when the same is there. */
  async add(executable: string, version: string): Promise<string> {
    const id = versionId(version, await sha256File(executable));
    // A copy of its own: what lies elsewhere may be written over. File systems that can, share the blocks.
    await this.receive(id, (file) => copyFile(executable, file, constants.COPYFILE_FICLONE));
    return id;
  }

  /** Puts a version in that `write` makes: it writes the file that it is given, and may reject; then nothing is there. */
  async receive(id: string, write: (file: string) => Promise<void>): Promise<void> {
    const target = this.executableOf(id);
    if (await this.isThere(id)) return;
    const folder = dirname(target);
    const unfinished = `${folder}.${randomBytes(4).toString('hex')}.unfinished`;
    await mkdir(unfinished, { recursive: true, mode: 0o755 });
    try {
      const file = join(unfinished, this.#executable);
      await write(file);
      await chmod(file, EXECUTABLE_MODE);
      await syncFile(file);
      await syncFolder(unfinished);
      // What may be there is not whole, or `isThere` had found it.
      await rm(folder, { recursive: true, force: true });
      await rename(unfinished, folder);
      await syncFolder(dirname(folder));
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }

  async isThere(id: string): Promise<boolean> {
    return (await stat(this.executableOf(id)).catch(() => null))?.isFile() ?? false;
  }

  /** For an installation by hand: puts an executable in and makes it the version in use, without a trial. */
  async install(executable: string, version: string): Promise<string> {
    const id = await this.add(executable, version);
    await this.use(id);
    return id;
  }

  /** Tells the launcher to try a version at its next start, and to go back when it has not checked in within `seconds`. */
  async beginTrial(id: string, seconds = TRIAL_SECONDS): Promise<void> {
    if (!(await this.isThere(id))) throw new Error(`Version ${id} is not there.`);
    await this.forgetFailed();
    // Each trial has a line of its own: one that was cut off is told apart from the same version tried again.
    await this.#write('trial', `${id} ${seconds} ${randomBytes(8).toString('hex')}`);
  }

  /**
   * The version works: it is the one in use from now on, and the one before it is kept, as is `next`, which is to be tried. Ends
   * its trial.
   */
  async use(id: string, next: string | null = null): Promise<void> {
    const before = await this.current();
    if (before !== null && before !== id) await this.#write('previous', before);
    if (before !== id) await this.#write('current', id);
    await this.endTrial();
    await this.#deleteOthers(new Set([id, next, await this.previous(), await this.trial()]));
  }

  /** Takes back a trial that has not begun. */
  async endTrial(): Promise<void> {
    for (const name of ['trial', 'trial.begun', 'trial.late']) await rm(join(this.path, name), { force: true });
  }

  /** Only the version in use, the one before it and one to be tried stay; also what a crash left unfinished goes. */
  async #deleteOthers(kept: ReadonlySet<string | null>): Promise<void> {
    const versions = join(this.path, 'versions');
    for (const name of await readdir(versions).catch(() => [])) {
      // Windows keeps a program that runs; it goes the next time.
      if (!kept.has(name)) await rm(join(versions, name), { recursive: true, force: true }).catch(() => undefined);
    }
  }

  async #idIn(name: string): Promise<string | null> {
    const id = (await this.#lineIn(name)).split(' ')[0] ?? '';
    return ID.test(id) ? id : null;
  }

  async #lineIn(name: string): Promise<string> {
    try {
      return (await readFile(join(this.path, name), 'utf8')).split('\n')[0]?.trim() ?? '';
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return '';
      throw error;
    }
  }

  async #write(name: string, line: string): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o755 });
    await writeFileAtomic(join(this.path, name), `${line}\n`, 0o644);
  }
}

/** Name of the folder of a version. */
export function versionId(version: string, sha256: string): string {
  return `${version}-${sha256.slice(0, 12)}`;
}

/** The program folder and the version that an executable belongs to; null when it lies somewhere else. */
export function placeOfExecutable(executable: string): { readonly folder: string; readonly id: string } | null {
  const id = basename(dirname(executable));
  const versions = dirname(dirname(executable));
  if (basename(versions) !== 'versions' || !ID.test(id)) return null;
  return { folder: dirname(versions), id };
}

/** SHA-256 of a file, hexadecimal. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
