import { describe, expect, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { encodeRecord, type JournalRecord } from '../../protocol/journal.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { followOutput, type OutputStreamPorts, type StreamState } from './output-stream.ts';

const encoder = new TextEncoder();
function record(number: number, kind: JournalRecord['kind'] = 'output'): JournalRecord {
  return { kind, stream: 'stdout', step: 0, node: 0, number, time: 0, payload: encoder.encode(`${number}\n`) };
}
function journalOf(...records: JournalRecord[]): Uint8Array<ArrayBuffer> {
  const parts = records.map(encodeRecord);
  const journal = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    journal.set(part, at);
    at += part.length;
  }
  return journal;
}
type Answer = (from: number) => ReadableStream<Uint8Array>;
function streamOf(
  chunks: readonly Uint8Array[],
  end: (controller: ReadableStreamDefaultController<Uint8Array>) => void,
) {
  const rest = [...chunks];
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = rest.shift();
      if (next === undefined) end(controller);
      else controller.enqueue(next);
    },
  });
}
const endsAfter = (...chunks: Uint8Array[]) => streamOf(chunks, (controller) => controller.close());
const breaksAfter = (...chunks: Uint8Array[]) =>
  streamOf(chunks, (controller) => controller.error(new TypeError('network error')));

/** Runs a whole stream against scripted answers; time passes by itself whenever the stream waits. */
async function run(answers: readonly Answer[], hasEnded = () => false) {
  const clock = manualClock();
  const asked: number[] = [];
  const numbers: number[] = [];
  const states: StreamState[] = [];
  const waits: number[] = [];
  const stop = new AbortController();
  const ports: OutputStreamPorts = {
    clock: {
      ...clock,
      after(ms, callback) {
        waits.push(ms);
        queueMicrotask(() => clock.advance(ms));
        return clock.after(ms, callback);
      },
    },
    random: () => 1,
    async open(from) {
      asked.push(from);
      const answer = answers[asked.length - 1];
      if (answer === undefined) {
        stop.abort();
        throw new OutrunnerError('coordinator-unreachable');
      }
      return answer(from);
    },
    onRecords: (records) => numbers.push(...records.map((one) => one.number)),
    onState: (state) => states.push(state),
    hasEnded,
  };
  await followOutput(ports, stop.signal);
  return { asked, numbers, states, waits, last: states.at(-1) };
}

const all = journalOf(record(0), record(1), record(2), record(3, 'finished'));
const one = all.length / 4;

describe('following the output', () => {
  test('ends complete after the last record', async () => {
    const { numbers, last } = await run([() => endsAfter(all.subarray(0, 50), all.subarray(50))]);
    expect(numbers).toEqual([0, 1, 2, 3]);
    expect(last).toEqual({ state: 'complete' });
  });

  test('goes on after a break from the last whole record: none twice, none left out', async () => {
    const { asked, numbers, last } = await run([
      () => breaksAfter(all.subarray(0, one + 5)),
      () => breaksAfter(),
      (from) => endsAfter(all.subarray(from)),
    ]);
    expect(asked).toEqual([0, one, one]);
    expect(numbers).toEqual([0, 1, 2, 3]);
    expect(last).toEqual({ state: 'complete' });
  });

  test('waits longer after each failure, and says that it reconnects', async () => {
    const fails: Answer = () => {
      throw new OutrunnerError('coordinator-unreachable');
    };
    const { waits, states } = await run([fails, fails, fails, () => endsAfter(all)]);
    expect(waits).toEqual([500, 1000, 2000]);
    expect(states.map(({ state }) => state)).toContain('reconnecting');
    expect(states.at(-1)).toEqual({ state: 'complete' });
  });

  test('a refusal that will not change ends it', async () => {
    const { asked, last } = await run([
      () => {
        throw new OutrunnerError('not-found');
      },
    ]);
    expect(asked).toHaveLength(1);
    expect(last).toMatchObject({ state: 'failed', error: { code: 'not-found' } });
  });

  test('a damaged journal ends it and says where', async () => {
    const damaged = Uint8Array.from(all);
    damaged[one + 40] = 0xff;
    damaged[one + 28] = (damaged[one + 28] as number) ^ 1;
    const { numbers, last } = await run([() => endsAfter(damaged.subarray(0, one), damaged.subarray(one))]);
    expect(numbers).toEqual([0]);
    expect(last).toMatchObject({ state: 'failed', error: { message: `The journal is damaged at byte ${one}.` } });
  });

  test('an execution that was lost is complete when its stream ends, without a last record', async () => {
    const { asked, last } = await run([() => endsAfter(all.subarray(0, one))], () => true);
    expect(asked).toEqual([0]);
    expect(last).toEqual({ state: 'complete' });
  });

  test('an execution that has not begun is asked again', async () => {
    const { asked, last } = await run([() => endsAfter(), () => endsAfter(), () => endsAfter(all)]);
    expect(asked).toEqual([0, 0, 0]);
    expect(last).toEqual({ state: 'complete' });
  });

  test('stops when it is told to, also while it waits', async () => {
    const stop = new AbortController();
    const states: StreamState[] = [];
    const clock = manualClock();
    const done = followOutput(
      {
        clock,
        random: () => 1,
        open: () => Promise.reject(new OutrunnerError('coordinator-unreachable')),
        onRecords: () => expect.unreachable(),
        onState: (state) => {
          states.push(state);
          if (state.state === 'reconnecting') queueMicrotask(() => stop.abort());
        },
        hasEnded: () => false,
      },
      stop.signal,
    );
    await done;
    expect(states.map(({ state }) => state)).toEqual(['connecting', 'reconnecting']);
  });
});
