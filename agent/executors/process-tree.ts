import type { Clock } from '../../protocol/clock.ts';

export interface Survivor {
  readonly pid: number;
  readonly command: string;
}

export interface FoundProcess extends Survivor {
  /** Tells it from a later process with the same number: when it began, as the system says it. */
  readonly born: string;
}

/** Finds and signals the processes of one operation; one per kind of system. */
export interface ProcessTree {
  /** The main process of a step was started, this instant. `wasReady`: it is older, and becomes the step only now. */
  entered(pid: number, wasReady: boolean): void;
  /** All living processes of the operation. */
  find(): Promise<FoundProcess[]>;
  /** Signals those that are still what they were when they were found. */
  signal(found: readonly FoundProcess[], hard: boolean): Promise<void>;
  /** The operation is over. `keep`: what its steps left in the background was left on purpose, and goes on. */
  over(keep: boolean): void;
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
  graceMs: number,
  clock: Clock,
  hurry: Promise<void> = new Promise(() => undefined),
): Promise<Survivor[]> {
  let living = await tree.find();
  if (living.length === 0) return [];
  let hurried = false;
  void hurry.then(() => {
    hurried = true;
  });
  if (graceMs > 0) {
    await tree.signal(living, false);
    const asked = new Set(living.map(nameOf));
    const deadline = clock.monotonic() + graceMs;
    for (let look = FIRST_LOOK_MS; living.length > 0 && !hurried; look = Math.min(look * 2, LAST_LOOK_MS)) {
      const left = deadline - clock.monotonic();
      if (left <= 0) break;
      await Promise.race([pause(clock, Math.min(look, left)), hurry]);
      living = await tree.find();
      // What was started since is asked too: a shell that is told to stop may start its clean-up.
      const fresh = living.filter((one) => !asked.has(nameOf(one)));
      for (const one of fresh) asked.add(nameOf(one));
      if (fresh.length > 0) await tree.signal(fresh, false);
    }
  }
  const deadline = clock.monotonic() + HARD_STOP_MS;
  for (let look = FIRST_LOOK_MS; living.length > 0; look = Math.min(look * 2, LAST_LOOK_MS)) {
    await tree.signal(living, true);
    await pause(clock, look);
    living = await tree.find();
    if (clock.monotonic() > deadline) break;
  }
  return living.map(({ pid, command }) => ({ pid, command }));
}

function nameOf({ pid, born }: FoundProcess): string {
  return `${pid} ${born}`;
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}

/** Sends a signal to a process, or to a group when the number is negative. */
export function trySignal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch {
    // ESRCH: it ended meanwhile. EPERM: it belongs to another user; the next look finds it and it is reported by name.
  }
}
