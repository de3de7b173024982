import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { systemCode } from '../agent-exit.ts';
import type { CommandLine } from './interpreter.ts';
import { type ProcessTree, type Survivor, stopTree } from './process-tree.ts';
import type { ReadyShell } from './ready-shell.ts';

/** How long the pipes are read after the main process ended, when a child still holds them open. */
const DRAIN_MS = 500;
/** Output is cut into pieces of at most this many bytes. */
const PIECE_BYTES = 64 << 10;

export interface StepStart {
  readonly commandLine: CommandLine;
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly clock: Clock;
  readonly tree: ProcessTree;
  readonly ready: ReadyShell;
  readonly onOutput: (stream: 'stdout' | 'stderr', piece: Uint8Array) => void;
}

export type StepEnd =
  | { readonly kind: 'exited'; readonly exitCode: number | null; readonly signal: string | null; readonly cut: boolean }
  | { readonly kind: 'not-started'; readonly code: string };

/**
 * One running process of a step, in a session and process group of its own, with nothing to read on its input. It ends when
 * its main process ends; what still holds the pipes then is read for half a second more, and no longer.
 */
export class StepProcess {
  /** Null when it could not be started. */
  readonly pid: number | null;
  readonly ended: Promise<StepEnd>;
  readonly #start: StepStart;
  readonly #child: ChildProcess;
  #resolve!: (end: StepEnd) => void;
  #exited: { readonly exitCode: number | null; readonly signal: string | null } | null = null;
  #paused = false;
  #stopping = false;
  #drain: Timer | null = null;
  #hurry!: () => void;
  readonly #hurried: Promise<void>;

  constructor(start: StepStart) {
    this.#start = start;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#hurried = new Promise((resolve) => {
      this.#hurry = resolve;
    });
    const { commandLine, cwd, env } = start;
    const ready = start.ready.take({ commandLine, cwd, env });
    const child = ready?.child ?? this.#spawn(commandLine, cwd, env);
    this.#child = child;
    this.pid = child.pid ?? null;
    if (this.pid !== null) start.tree.entered(this.pid, ready !== null);
    child.stdout?.on('data', (chunk: Buffer) => this.#output('stdout', chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#output('stderr', chunk));
    child.on('error', (error) => {
      // Also emitted when a signal cannot be sent; only a process that never was ends here.
      if (this.pid === null) this.#resolve({ kind: 'not-started', code: systemCode(error) });
    });
    child.on('exit', (exitCode, signal) => {
      this.#exited = { exitCode, signal };
      this.#beginDrain();
    });
    child.on('close', () => this.#finish(false));
    if (ready === null) child.on('spawn', () => start.ready.proved(commandLine.file));
    else ready.begin();
  }

  /** Stops reading its output: it will block on its own when the pipe is full. */
  pause(): void {
    if (this.#paused || this.#stopping) return;
    this.#paused = true;
    this.#drain?.cancel();
    this.#child.stdout?.pause();
    this.#child.stderr?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#child.stdout?.resume();
    this.#child.stderr?.resume();
    if (this.#exited) this.#beginDrain();
  }

  /** Stops it and everything it started. Resolves with what could not be stopped, when it is known. */
  async stop(graceMs: number): Promise<Survivor[]> {
    if (this.pid === null) return [];
    this.resume();
    this.#stopping = true;
    return await stopTree(this.#start.tree, graceMs, this.#start.clock, this.#hurried);
  }

  /** Ends the grace of a stop that is under way. */
  hurry(): void {
    this.#hurry();
  }

  #spawn(commandLine: CommandLine, cwd: string, env: Record<string, string>): ChildProcess {
    return spawn(commandLine.file, [...commandLine.args], {
      cwd,
      env,
      // POSIX: a session of its own. On Windows the same flag would open a window.
      detached: process.platform !== 'win32',
      windowsHide: true,
      windowsVerbatimArguments: commandLine.verbatim,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  #output(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      this.#start.onOutput(stream, chunk.subarray(at, at + PIECE_BYTES));
    }
  }

  #beginDrain(): void {
    // What the main process printed lies in the pipe: time in which we did not read does not count.
    if (this.#paused) return;
    this.#drain?.cancel();
    this.#drain = this.#start.clock.after(DRAIN_MS, () => this.#finish(true));
  }

  #finish(cut: boolean): void {
    this.#drain?.cancel();
    if (this.#exited === null) return;
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    this.#resolve({ kind: 'exited', ...this.#exited, cut });
  }
}
