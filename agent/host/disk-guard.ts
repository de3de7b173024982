import { statfs } from 'node:fs/promises';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { systemCode } from '../agent-exit.ts';

const LOOK_EVERY_MS = 5_000;

export interface DiskGuardOptions {
  readonly folder: string;
  readonly floorBytes: number;
  readonly clock: Clock;
  /** The answer of {@link DiskGuard.problem} has changed. */
  readonly onChange: (problem: string | null) => void;
}

/** Watches the room on the disk of the state folder: below the floor no new work is taken and output waits. */
export class DiskGuard {
  readonly #options: DiskGuardOptions;
  #problem: string | null = null;
  #timer: Timer | null = null;

  constructor(options: DiskGuardOptions) {
    this.#options = options;
  }

  /** Looks for the first time, then again and again until {@link stop}. */
  async start(): Promise<void> {
    await this.look();
    this.#timer = this.#options.clock.every(LOOK_EVERY_MS, () => void this.look());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** What is wrong, for a person; null when there is room. */
  get problem(): string | null {
    return this.#problem;
  }

  async look(): Promise<void> {
    const { folder, floorBytes } = this.#options;
    let problem: string | null = null;
    try {
      const free = await freeBytes(folder);
      if (free < floorBytes)
        problem = `Only ${megabytes(free)} MB are free at ${folder}; ${megabytes(floorBytes)} are needed.`;
    } catch (error) {
      problem = `The free space at ${folder} cannot be told (${systemCode(error)}).`;
    }
    this.#set(problem);
  }

  /** A write was refused: the disk is full for this user whatever the figures say, until the next look finds room. */
  refused(code: string): void {
    this.#set(`The disk at ${this.#options.folder} takes no data (${code}).`);
  }

  #set(problem: string | null): void {
    const changed = (problem === null) !== (this.#problem === null);
    this.#problem = problem;
    if (changed) this.#options.onChange(problem);
  }
}

/** Bytes that this user may still write on the disk of a folder. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

export function megabytes(bytes: number): number {
  return Math.round(bytes / 1_000_000);
}
