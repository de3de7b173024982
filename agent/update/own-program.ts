import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSea } from 'node:sea';
import { compareVersions } from '../../protocol/product-version.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import { writeFileAtomic } from '../config/atomic-file.ts';
import { launcherName, launcherText } from '../installation/launcher.ts';
import { ProgramFolder, placeOfExecutable } from '../installation/program-folder.ts';

/** Set by the launcher: which executable it has started. */
const LAUNCHED = 'OUTRUNNER_LAUNCHED';

/** The program that this process is: where its versions lie, and how it gets from one to the next. */
export interface OwnProgram {
  readonly folder: ProgramFolder;
  /** Its own version in the folder; null when it was started by hand, beside the folder. */
  readonly id: string | null;
}

/** How this process was started; null when it runs from its sources and has no program of its own. */
export function ownProgram(state: string, env: NodeJS.ProcessEnv): OwnProgram | null {
  const launched = env[LAUNCHED];
  const place = launched === undefined ? null : placeOfExecutable(launched);
  if (place !== null) return { folder: new ProgramFolder(place.folder), id: place.id };
  return isSea() ? { folder: new ProgramFolder(join(state, 'program')), id: null } : null;
}

/**
 * Makes the program folder of one that was started by hand: puts itself in as the version in use, with a launcher beside. From
 * the next start on the same executable hands over to the launcher. `next`: a version that is there already, to be tried.
 */
export async function settleIn({ folder }: OwnProgram, executable: string, next: string): Promise<void> {
  await mkdir(folder.path, { recursive: true, mode: 0o755 });
  const id = await folder.add(executable, PRODUCT_VERSION);
  await folder.use(id, next);
  await writeFileAtomic(join(folder.path, launcherName()), launcherText(), 0o755);
  await writeFileAtomic(join(folder.path, 'started-by'), `${await fingerprint(executable)}\n`, 0o644);
}

/** The launcher and its arguments, as a program for this platform's `exec`. */
export function launcherCommand(folder: ProgramFolder, args: readonly string[]): readonly string[] {
  const launcher = join(folder.path, launcherName());
  if (process.platform !== 'win32') return ['/bin/sh', launcher, folder.path, ...args];
  const powershell = join(process.env.SystemRoot ?? 'C:\\Windows', 'System32\\WindowsPowerShell\\v1.0\\powershell.exe');
  return [powershell, '-NoProfile', '-ExecutionPolicy', 'Bypass', '-File', launcher, folder.path, ...args];
}

/**
 * Whether an executable that was started by hand shall hand over to the launcher: another version is to be tried, or this very
 * file was upgraded from, or what is in use is newer. A file that somebody has put in its place since then is run itself.
 */
export async function handsOver({ folder, id }: OwnProgram, executable: string): Promise<boolean> {
  if (id !== null) return false;
  const current = await folder.current();
  if (current === null || !(await isFile(join(folder.path, launcherName())))) return false;
  const inUse = current.slice(0, current.lastIndexOf('-'));
  if (compareVersions(inUse, PRODUCT_VERSION) > 0) return true;
  return (await folder.noteOf('started-by')) === (await fingerprint(executable));
}

/** Why no version can be put beside this one; null when one can. */
export async function whyNotWritable({ folder }: OwnProgram): Promise<string | null> {
  let path = folder.path;
  while (!(await isThere(path)) && dirname(path) !== path) path = dirname(path);
  try {
    await access(path, constants.W_OK | constants.X_OK);
    return null;
  } catch {
    return `The agent may not write to ${path}, where its versions lie.`;
  }
}

async function fingerprint(path: string): Promise<string> {
  const { size, mtimeMs, ino } = await stat(path);
  return `${size} ${Math.round(mtimeMs)} ${ino}`;
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}
