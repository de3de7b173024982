import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
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

/**
 * A control group for one test, in a mount of its own, and how to start a program in it. What is in it is ended and it is
 * removed when the test has finished: register it before anything that has to end before.
 */
export function testCgroup(): { readonly folder: string; readonly launcher: readonly string[] } {
  const mount = mountCgroups();
  made += 1;
  const group = new CgroupFolder(join(mount, `outrunner-test-${process.pid}-${made}`));
  mkdirSync(group.path);
  onTestFinished(async () => {
    await group.kill();
    await expect.poll(() => group.remove()).toBe(true);
    unmount(mount);
  });
  const enter = 'echo $$ > "$0" && exec "$@"';
  return { folder: group.path, launcher: ['/bin/sh', '-c', enter, join(group.path, 'cgroup.procs')] };
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
