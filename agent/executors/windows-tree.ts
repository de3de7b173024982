import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Clock, Timer } from '../../protocol/clock.ts';
import type { FoundProcess, ProcessTree } from './process-tree.ts';
import {
  descendantsOf,
  LIST_PROCESSES,
  parseWindowsProcesses,
  type SeenProcess,
  startedNow,
  type WindowsProcess,
} from './windows-processes.ts';

const run = promisify(execFile);

/** When to look at what a running step has started: a look costs half a second of one core, so rarely later. */
const FIRST_LOOK_MS = 1_000;
const LAST_LOOK_MS = 30_000;

/**
 * Windows: `taskkill /T /F`, then a new look, until nothing is left. Whose parent has ended is found by what was seen before:
 * descendants are looked at while a step runs. Programs without a window cannot be asked politely, so the grace is a time in
 * which the step may end by itself.
 */
export class WindowsTree implements ProcessTree {
  readonly #clock: Clock;
  /** Everything of the operation that was seen so far, by number. */
  readonly #seen = new Map<number, SeenProcess>();
  #watch: Timer | null = null;
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  entered(pid: number): void {
    this.#seen.set(pid, startedNow(this.#clock.now()));
    this.#watch?.cancel();
    this.#lookAfter(FIRST_LOOK_MS);
  }

  async find(): Promise<FoundProcess[]> {
    if (this.#seen.size === 0) return [];
    const found = descendantsOf(await allProcesses(), this.#seen, process.pid);
    for (const { pid, born } of found) this.#seen.set(pid, { born, exact: true });
    return found.map(({ pid, born, command }) => ({ pid, born, command }));
  }

  async signal(found: readonly FoundProcess[], hard: boolean): Promise<void> {
    if (!hard || found.length === 0) return;
    // In one call: each takes a tenth of a second to start.
    const targets = found.flatMap(({ pid }) => ['/PID', String(pid)]);
    await run('taskkill', ['/T', '/F', ...targets], { windowsHide: true }).catch(() => {
      // One of them ended meanwhile, or may not be ended: the next look tells which.
    });
  }

  over(): void {
    this.#isOver = true;
    this.#watch?.cancel();
  }

  #lookAfter(ms: number): void {
    this.#watch = this.#clock.after(ms, () => {
      const next = () => {
        if (!this.#isOver) this.#lookAfter(Math.min(ms * 2, LAST_LOOK_MS));
      };
      // A look that fails is made up for by the next; a stop makes its own.
      this.find().then(next, next);
    });
  }
}

let listing: Promise<unknown> | null = null;
let nextListing: Promise<WindowsProcess[]> | null = null;

/**
 * A list that was begun after it was asked for: an older one may lack a process that has begun since. All that ask while one
 * is being made share the next.
 */
async function allProcesses(): Promise<WindowsProcess[]> {
  nextListing ??= (listing ?? Promise.resolve()).then(() => {
    nextListing = null;
    const made = listNow();
    listing = made.catch(() => undefined);
    return made;
  });
  return await nextListing;
}

async function listNow(): Promise<WindowsProcess[]> {
  const { stdout } = await run('powershell', ['-NoProfile', '-NonInteractive', '-Command', LIST_PROCESSES], {
    windowsHide: true,
    maxBuffer: 64 << 20,
  });
  return parseWindowsProcesses(stdout);
}
