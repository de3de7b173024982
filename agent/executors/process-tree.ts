import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Clock } from '../../protocol/clock.ts';
import { findLinuxProcesses, linuxCommandLine } from './linux-processes.ts';
import { MARKER } from './step-environment.ts';

export interface Survivor {
  readonly pid: number;
  readonly command: string;
}

/** Finds and signals the processes of an operation; one per kind of system. */
export interface ProcessTree {
  /** Living processes of the operation; `root` is the main process of the step, null when there is none any more. */
  find(root: number | null): Promise<Survivor[]>;
  signal(root: number | null, pids: readonly number[], hard: boolean): Promise<void>;
}

/** How often to look, while waiting for processes to end: soon at first, rarely later. */
const FIRST_LOOK_MS = 15;
const LAST_LOOK_MS = 500;
/** How long to go on after the hard stop before the survivors are named. */
const HARD_STOP_MS = 5_000;

/**
 * Stops all processes of an operation: politely, then after `graceMs` hard, then looks again until nothing is left. Returns
 * those that could not be stopped. `hurry` ends the grace early.
 */
export async function stopTree(
  tree: ProcessTree,
  root: number | null,
  graceMs: number,
  clock: Clock,
  hurry: Promise<void>,
): Promise<Survivor[]> {
  let living = await tree.find(root);
  if (living.length === 0) return [];
  let hurried = false;
  void hurry.then(() => {
    hurried = true;
  });
  const pidsOf = (processes: readonly Survivor[]) => processes.map(({ pid }) => pid);
  if (graceMs > 0) {
    await tree.signal(root, pidsOf(living), false);
    const asked = new Set(pidsOf(living));
    const deadline = clock.monotonic() + graceMs;
    for (let look = FIRST_LOOK_MS; living.length > 0 && !hurried; look = Math.min(look * 2, LAST_LOOK_MS)) {
      const left = deadline - clock.monotonic();
      if (left <= 0) break;
      await Promise.race([pause(clock, Math.min(look, left)), hurry]);
      living = await tree.find(root);
      // What was started since is asked too: a shell that is told to stop may start its clean-up.
      const fresh = pidsOf(living).filter((pid) => !asked.has(pid));
      for (const pid of fresh) asked.add(pid);
      if (fresh.length > 0) await tree.signal(null, fresh, false);
    }
  }
  const deadline = clock.monotonic() + HARD_STOP_MS;
  for (let look = FIRST_LOOK_MS; living.length > 0; look = Math.min(look * 2, LAST_LOOK_MS)) {
    await tree.signal(root, pidsOf(living), true);
    await pause(clock, look);
    living = await tree.find(root);
    if (clock.monotonic() > deadline) break;
  }
  return living;
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

/** The tree of an operation on this system. */
export function processTree(operation: string, platform: NodeJS.Platform = process.platform): ProcessTree {
  if (platform === 'win32') return windowsTree();
  const find = platform === 'linux' ? linuxFinder(operation) : psFinder(operation);
  return {
    find,
    async signal(root, pids, hard) {
      const name = hard ? 'SIGKILL' : 'SIGTERM';
      // The group first, in one go: a fork bomb must not outrun a walk over its members.
      if (root !== null) trySignal(-root, name);
      for (const pid of pids) if (root === null || pid !== root) trySignal(pid, name);
    },
  };
}

function trySignal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // ESRCH: it ended meanwhile. EPERM: it belongs to another user; the next look finds it and it is reported by name.
  }
}

function linuxFinder(operation: string): ProcessTree['find'] {
  return async (root) =>
    findLinuxProcesses(root, operation).map(({ pid }) => ({ pid, command: linuxCommandLine(pid) }));
}

const run = promisify(execFile);

/** macOS and other systems without /proc: `ps` with the environment of the user's own processes (`-E`). */
function psFinder(operation: string): ProcessTree['find'] {
  return async (root) => {
    const { stdout } = await run('ps', ['-axwwE', '-o', 'pid=,ppid=,pgid=,stat=,command='], { maxBuffer: 64 << 20 });
    const all = stdout.split('\n').flatMap((line) => {
      const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
      if (!match || match[4]?.startsWith('Z')) return [];
      return [{ pid: Number(match[1]), parent: Number(match[2]), group: Number(match[3]), command: match[5] ?? '' }];
    });
    const mark = ` ${MARKER}=${operation}`;
    const found = new Map<number, Survivor>();
    for (let grew = true; grew; ) {
      grew = false;
      for (const { pid, parent, group, command } of all) {
        if (pid === process.pid || found.has(pid)) continue;
        const related = root !== null && (pid === root || group === root);
        if (!related && !found.has(parent) && !command.includes(mark)) continue;
        // The environment follows the command line: what is shown must not hold it.
        found.set(pid, { pid, command: (command.split(/ [A-Za-z_][A-Za-z0-9_]*=/, 1)[0] ?? '').slice(0, 300) });
        grew = true;
      }
    }
    return [...found.values()];
  };
}

/**
 * Windows: `taskkill /T /F` ends a tree as far as parents are still there. Programs without a window cannot be asked
 * politely, so the grace is a time in which the step may end by itself.
 */
function windowsTree(): ProcessTree {
  return {
    async find(root) {
      if (root === null) return [];
      const query = `Get-CimInstance Win32_Process | ForEach-Object { "$($_.ProcessId) $($_.ParentProcessId) $($_.Name)" }`;
      const { stdout } = await run('powershell', ['-NoProfile', '-NonInteractive', '-Command', query], {
        windowsHide: true,
        maxBuffer: 16 << 20,
      });
      const all = stdout.split(/\r?\n/).flatMap((line) => {
        const match = /^(\d+) (\d+) (.*)$/.exec(line.trim());
        return match ? [{ pid: Number(match[1]), parent: Number(match[2]), command: match[3] ?? '' }] : [];
      });
      const found = new Map<number, Survivor>();
      for (let grew = true; grew; ) {
        grew = false;
        for (const { pid, parent, command } of all) {
          if (found.has(pid) || pid === process.pid || (pid !== root && !found.has(parent))) continue;
          found.set(pid, { pid, command });
          grew = true;
        }
      }
      return [...found.values()];
    },
    async signal(root, pids, hard) {
      if (!hard) return;
      const targets = root === null ? pids : [root, ...pids];
      for (const pid of targets) {
        await run('taskkill', ['/T', '/F', '/PID', String(pid)], { windowsHide: true }).catch(() => {
          // It ended meanwhile, or may not be ended: the next look tells which.
        });
      }
    },
  };
}
