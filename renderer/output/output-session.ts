import type { Clock, Timer } from '../../protocol/clock.ts';
import { LineAssembler } from './line-assembler.ts';
import { type LineLimits, LineStore } from './line-store.ts';
import { followOutput, type OutputStreamPorts, type StreamState } from './output-stream.ts';

/** Changes are gathered this long before the screen is told, in milliseconds: a flood costs 25 renders a second. */
const GATHER_MS = 40;

/** What React sees: a new object for each change, numbers only. The lines stay in the store. */
export interface OutputSnapshot {
  readonly version: number;
  /** Number of the oldest line that is kept. */
  readonly first: number;
  /** Number that the next line will get. */
  readonly end: number;
  readonly stream: StreamState;
}

export type OutputSource = Pick<OutputStreamPorts, 'open' | 'hasEnded'> & {
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits?: LineLimits;
};

/** The output of one execution while it is looked at: follows the stream, keeps the lines, tells who listens. */
export class OutputSession {
  readonly store: LineStore;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<() => void>();
  #timer: Timer | null = null;
  #stream: StreamState = { state: 'connecting' };
  #snapshot: OutputSnapshot;

  constructor({ clock, random, open, hasEnded, limits }: OutputSource) {
    this.#clock = clock;
    this.store = new LineStore(limits);
    this.#snapshot = { version: 0, first: 0, end: 0, stream: this.#stream };
    const assembler = new LineAssembler(this.store);
    const ports: OutputStreamPorts = {
      clock,
      random,
      open,
      hasEnded,
      onRecords: (records) => {
        for (const record of records) assembler.push(record);
        this.store.trim();
        this.#changed();
      },
      onState: (state) => {
        this.#stream = state;
        this.#changed();
      },
    };
    void followOutput(ports, this.#stop.signal).catch((error: unknown) => reportError(error));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): OutputSnapshot => this.#snapshot;

  /** Ends the stream. What was read stays readable. */
  stop(): void {
    this.#stop.abort();
    this.#timer?.cancel();
  }

  #changed(): void {
    if (this.#stop.signal.aborted) return;
    this.#timer ??= this.#clock.after(GATHER_MS, () => {
      this.#timer = null;
      const { first, end } = this.store;
      this.#snapshot = { version: this.#snapshot.version + 1, first, end, stream: this.#stream };
      for (const listener of this.#listeners) listener();
    });
  }
}
