import type { Clock } from '../../protocol/clock.ts';
import { JournalReader, type JournalRecord } from '../../protocol/journal.ts';
import { OutrunnerError } from '../../protocol/problems.ts';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** The page gets a turn after so much decoding, in milliseconds. */
const SLICE_MS = 12;

/** What the stream does at this moment. `reconnecting`: it broke and is tried again by itself. */
export type StreamState =
  | { readonly state: 'connecting' | 'streaming' | 'complete' }
  | { readonly state: 'reconnecting'; readonly error: OutrunnerError }
  /** It will not be tried again: the answer says that it would not help. */
  | { readonly state: 'failed'; readonly error: OutrunnerError };

export interface OutputStreamPorts {
  /** Opens the journal from byte `from`, followed until its end; rejects with an OutrunnerError when that fails. */
  readonly open: (from: number, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of the back-off. */
  readonly random: () => number;
  /** Records in order; none comes twice, none is left out. */
  readonly onRecords: (records: readonly JournalRecord[]) => void;
  readonly onState: (state: StreamState) => void;
  /** The execution has ended: a stream that ends then is complete, also when no `finished` record was ever stored (lost). */
  readonly hasEnded: () => boolean;
}

/**
 * Follows the journal of an execution to its end. After a break it goes on from the last whole record, with back-off, as
 * long as `signal` is not aborted. A damaged journal and a refusal end it.
 */
export async function followOutput(ports: OutputStreamPorts, signal: AbortSignal): Promise<void> {
  let offset = 0;
  let failures = 0;
  let finished = false;
  ports.onState({ state: 'connecting' });
  while (!signal.aborted) {
    const before = offset;
    let broken: OutrunnerError | null = null;
    const endedBefore = ports.hasEnded();
    try {
      const body = await ports.open(offset, signal);
      if (signal.aborted) return;
      ports.onState({ state: 'streaming' });
      await read(body);
      if (signal.aborted) return;
    } catch (cause) {
      if (signal.aborted) return;
      broken = asBreak(cause);
      if (!broken.retry) {
        ports.onState({ state: 'failed', error: broken });
        return;
      }
    }
    if (finished || (broken === null && endedBefore)) {
      ports.onState({ state: 'complete' });
      return;
    }
    failures = offset > before ? 0 : failures + 1;
    // An end without a reason, before the end of the execution, is a break as well; it is only not worth a word at first.
    if (broken !== null || failures > 3)
      ports.onState({ state: 'reconnecting', error: broken ?? new OutrunnerError('coordinator-unreachable') });
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10));
    await pause(ports.clock, ceiling * (0.5 + 0.5 * ports.random()), signal);
  }

  async function read(body: ReadableStream<Uint8Array>): Promise<void> {
    const journal = new JournalReader(offset);
    const reader = body.getReader();
    let turn = ports.clock.monotonic();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || signal.aborted) return;
        const records = decode(journal, value);
        if (records.length > 0) ports.onRecords(records);
        offset = journal.offset;
        if (records.some((record) => record.kind === 'finished')) finished = true;
        if (ports.clock.monotonic() - turn < SLICE_MS) continue;
        await pause(ports.clock, 0, signal);
        turn = ports.clock.monotonic();
      }
    } finally {
      // Frees the connection; a stream that has ended already has nothing to cancel.
      void reader.cancel().catch(ignoreBrokenStream);
    }
  }
}

function decode(journal: JournalReader, bytes: Uint8Array): JournalRecord[] {
  try {
    return journal.push(bytes);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'The journal is damaged.';
    throw new OutrunnerError('conflict', { detail, cause });
  }
}

function asBreak(cause: unknown): OutrunnerError {
  if (cause instanceof OutrunnerError) return cause;
  return new OutrunnerError('coordinator-unreachable', { detail: 'The connection broke.', cause });
}

/** Cancelling a broken stream rejects with the error that broke it, which was handled where it was read. */
function ignoreBrokenStream(_: unknown): void {
  return;
}

/** Waits `ms`, or until the signal is aborted. */
function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      timer.cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
