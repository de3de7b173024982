import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** What a process has cost so far. */
export interface ProcessUsage {
  /** Of the process itself, user and system, in seconds. */
  readonly cpu: number;
  /** Of the children that it has waited for. */
  readonly childCpu: number;
  /** Resident memory now, in MB (10⁶ bytes). */
  readonly rss: number;
  /** The most resident memory that it had since it started, or since {@link forgetPeak}. */
  readonly peakRss: number;
}

const NONE: ProcessUsage = { cpu: Number.NaN, childCpu: Number.NaN, rss: Number.NaN, peakRss: Number.NaN };

/** Ticks in a second of `/proc/PID/stat`: 100 on every Linux that Node runs on. */
const TICKS = 100;

/**
 * What a process has cost, from `/proc`. On other systems all of it is NaN, which is shown as "not measured here".
 * Throws when there is no such process.
 */
export function usageOf(pid: number | undefined): ProcessUsage {
  if (process.platform !== 'linux') return NONE;
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The name of the program stands in brackets and may hold anything; the fields behind it are counted from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = (field: number) => Number(fields[field - 3]);
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
  return {
    cpu: cpuOfThreads(pid) ?? (ticks(14) + ticks(15)) / TICKS,
    childCpu: (ticks(16) + ticks(17)) / TICKS,
    rss: (kibibytes('VmRSS') * 1024) / 1e6,
    peakRss: (kibibytes('VmHWM') * 1024) / 1e6,
  };
}

/**
 * Forgets the most memory that a process had: what its start took (the coordinator makes a password, which takes 128 MB on
 * purpose) is no part of what is measured afterwards.
 */
export function forgetPeak(pid: number | undefined): void {
  if (process.platform === 'linux') writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/**
 * Seconds of all threads that are there, to the nanosecond: a minute of nothing costs less than one tick. null: this kernel
 * does not count them.
 */
function cpuOfThreads(pid: number | undefined): number | null {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
    } catch {
      // The thread has ended since, or there is no such file.
      return null;
    }
  }
  return nanoseconds / 1e9;
}

/** How many files a process may have open, at most; Node asks for that many by itself. */
export function openFilesAllowed(): number {
  if (process.platform !== 'linux') return Number.NaN;
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}
