import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const mounted = new Set<string>();

/** Unmounts what a trial that was broken off has left. */
export async function removeSmallDisks(): Promise<void> {
  for (const folder of [...mounted]) await unmount(folder);
}

async function unmount(folder: string): Promise<void> {
  await run('umount', ['--lazy', folder]);
  mounted.delete(folder);
}

export interface SmallDisk {
  readonly folder: string;
  /** Bytes that can be written yet. */
  free(): Promise<number>;
  /** Takes all the room but `leave` bytes, as something else on the host would. */
  fill(leave: number): Promise<void>;
  /** Gives the room back that {@link fill} took. */
  empty(): Promise<void>;
  remove(): Promise<void>;
}

/** Why this machine cannot make one; null when it can. */
export async function whyNoSmallDisk(): Promise<string | null> {
  if (process.platform !== 'linux') return 'small disks of memory exist on Linux alone';
  if (process.getuid?.() !== 0) return 'mounting a small disk needs root';
  return null;
}

/** A disk of `megabytes`, in memory, mounted on `folder`. */
export async function smallDisk(folder: string, megabytes: number): Promise<SmallDisk> {
  await mkdir(folder, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  mounted.add(folder);
  const ballast = path.join(folder, 'ballast');
  const free = async () => {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  };
  return {
    folder,
    free,
    async fill(leave) {
      await writeFile(ballast, Buffer.alloc(Math.max(0, (await free()) - leave)));
    },
    async empty() {
      await rm(ballast, { force: true });
    },
    remove: () => unmount(folder),
  };
}
