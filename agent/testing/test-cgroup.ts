import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type MadeCgroup, makeCgroup } from './made-cgroup.ts';

/**
 * A control group for one test. What is in it is ended and it is removed when the test has finished: call it before anything
 * that has to end before.
 */
export function testCgroup(): MadeCgroup {
  const group = makeCgroup();
  onTestFinished(() => group.remove());
  return group;
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
