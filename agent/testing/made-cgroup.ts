import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CgroupFolder } from '../executors/cgroup-folder.ts';
import { holdsWithin } from './holds-within.ts';

/** Why there can be no control groups of a test here; empty when there can. */
export const NO_CGROUPS = noCgroups();

function noCgroups(): string {
  if (process.platform !== 'linux') return 'control groups are of Linux';
  if (process.getuid?.() !== 0) return 'only root can make control groups for a test';
  try {
    withMount((mount) => {
      const probe = join(mount, `outrunner-probe-${process.pid}`);
      mkdirSync(probe);
      rmdirSync(probe);
    });
    return '';
  } catch (error) {
    return `control groups cannot be made here: ${String(error)}`;
  }
}

let made = 0;

/** A control group of a test. */
export interface MadeCgroup {
  readonly folder: string;
  /** In front of a command: it runs in the group. */
  readonly launcher: readonly string[];
  /** Ends what is in it and removes it. @throws Error when something in it cannot be ended. */
  remove(): Promise<void>;
}

/** Makes a control group, in a mount of its own. */
export function makeCgroup(): MadeCgroup {
  const mount = mountCgroups();
  made += 1;
  const group = new CgroupFolder(join(mount, `outrunner-test-${process.pid}-${made}`));
  mkdirSync(group.path);
  const enter = 'echo $$ > "$0" && exec "$@"';
  return {
    folder: group.path,
    launcher: ['/bin/sh', '-c', enter, join(group.path, 'cgroup.procs')],
    async remove() {
      await group.kill();
      if (!(await holdsWithin(10_000, () => group.remove()))) throw new Error(`${group.path} is not empty.`);
      unmount(mount);
    },
  };
}

/** Every host has one tree of them at most; a second mount shows the same. */
function mountCgroups(): string {
  const folder = mkdtempSync(join(tmpdir(), 'outrunner-cgroup-'));
  try {
    execFileSync('mount', ['-t', 'cgroup2', 'none', folder], { stdio: 'pipe' });
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  return folder;
}

function unmount(folder: string): void {
  execFileSync('umount', [folder], { stdio: 'pipe' });
  rmdirSync(folder);
}

function withMount(use: (folder: string) => void): void {
  const folder = mountCgroups();
  try {
    use(folder);
  } finally {
    unmount(folder);
  }
}
