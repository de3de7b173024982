import { readdirSync, readFileSync } from 'node:fs';
import { MARKER } from '../agent/executors/step-environment.ts';

/** Processes of this host that belong to an operation, by their environment: the operation and the command line. */
export function markedProcesses(): { pid: number; operation: string; command: string }[] {
  const found: { pid: number; operation: string; command: string }[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const entry = readFileSync(`/proc/${name}/environ`, 'latin1')
        .split('\0')
        .find((variable) => variable.startsWith(`${MARKER}=`));
      if (entry === undefined) continue;
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      found.push({ pid: Number(name), operation: entry.slice(MARKER.length + 1), command });
    } catch (error) {
      // It ended between being listed and being read, or is of another user: neither is one of ours.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  return found;
}

/** The most memory that a process ever had, in megabytes. */
export function peakMemory(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1000);
}
