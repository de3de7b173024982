import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CgroupFolder } from '../executors/cgroup-folder.ts';

/** Why tests of control groups are skipped here; empty when they are not. */
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

/** A control group, and how to start a program in it. */
export interface TestCgroup {
  readonly folder: string;
  /** In front of a command: run it in the group. */
  readonly launcher: readonly string[];
  /** Ends what is in it and removes it. */
  close(): Promise<void>;
}

/** Makes a control group in a mount of its own. */
export function openTestCgroup(): TestCgroup {
  const mount = mountCgroups();
  made += 1;
  const group = new CgroupFolder(join(mount, `outrunner-test-${process.pid}-${made}`));
  mkdirSync(group.path);
  const enter = 'echo $$ > "$0" && exec "$@"';
  return {
    folder: group.path,
    launcher: ['/bin/sh', '-c', enter, join(group.path, 'cgroup.procs')],
    async close() {
      await group.kill();
      while (!(await group.remove())) await pause(20);
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

/** Puts a process into a control group. */
export function enterCgroup(folder: string, pid: number): void {
  writeFileSync(join(folder, 'cgroup.procs'), String(pid));
}

/** The control group of a process, from the root of the tree. */
export function cgroupOf(pid: number): string {
  const line = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .split('\n')
    .find((one) => one.startsWith('0::'));
  return line?.slice(3) ?? '';
}
