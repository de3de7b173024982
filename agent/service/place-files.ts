import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  copyFile,
  lchown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../agent-exit.ts';
import { writeFileAtomic } from '../config/atomic-file.ts';
import { asAccount } from './as-account.ts';
import type { Account } from './service-account.ts';
import type { Undo } from './undo.ts';

/** Makes a folder of this mode and owner; one that is there gets them. Taken back: one that was not there, with its content. */
export async function makeFolder(path: string, mode: number, owner: Account | null, undo: Undo): Promise<void> {
  const before = await stat(path).catch(() => null);
  await mkdir(path, { recursive: true, mode });
  if (before === null) undo.add(() => removeTree(path, owner));
  if (process.platform === 'win32') return;
  if (owner !== null && before?.uid !== owner.uid) {
    // Put back by root from a backup, say. A folder that is the account's own is not walked through: it may change meanwhile.
    await giveTo(path, owner);
    await chown(path, owner.uid, owner.gid);
  }
  await chmod(path, mode);
}

async function giveTo(folder: string, owner: Pick<Account, 'uid' | 'gid'>): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if ((await lstat(path)).isDirectory()) await giveTo(path, owner);
    await lchown(path, owner.uid, owner.gid);
  }
}

/** Writes a file whole or not at all. Returns whether it is different from before. */
export async function placeText(
  path: string,
  text: string,
  mode: number,
  owner: Account | null,
  undo: Undo,
): Promise<boolean> {
  return await asAccount(owner, async () => {
    const before = await readFile(path, 'utf8').catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return null;
      throw error;
    });
    if (before === text) {
      if (process.platform !== 'win32') await chmod(path, mode);
      return false;
    }
    await writeFileAtomic(path, text, mode);
    undo.add(() =>
      asAccount(owner, async () => {
        if (before === null) await rm(path, { force: true });
        else await writeFileAtomic(path, before, mode);
      }),
    );
    return true;
  });
}

/** Copies a program to where it is not changed any more, whole or not at all. */
export async function placeProgram(from: string, to: string, undo: Undo): Promise<void> {
  const fresh = `${to}.${randomBytes(4).toString('hex')}`;
  const before = `${to}.before`;
  await rm(before, { force: true });
  const wasThere = await link(to, before).then(
    () => true,
    () => false,
  );
  undo.add(() => (wasThere ? rename(before, to) : rm(to, { force: true })));
  try {
    await copyFile(from, fresh);
    await chmod(fresh, 0o755);
    await rename(fresh, to);
  } finally {
    await rm(fresh, { force: true });
  }
}

/** The copy that {@link placeProgram} kept for taking back is not needed any more. */
export async function forgetBefore(to: string): Promise<void> {
  await rm(`${to}.before`, { force: true });
}

/** Removes a folder with all that is in it; what the account may remove, with its rights alone. */
export async function removeTree(path: string, owner: Account | null): Promise<void> {
  if (owner !== null) {
    await asAccount(owner, async () => {
      for (const name of await readdir(path).catch(() => [])) {
        await rm(join(path, name), { recursive: true, force: true }).catch(() => undefined);
      }
    });
  }
  await rm(path, { recursive: true, force: true });
}
