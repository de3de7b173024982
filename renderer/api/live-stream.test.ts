import { afterEach, expect, test } from 'vitest';
import type { LiveEvent } from '../../protocol/api/live.ts';
import { type ManualClock, manualClock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { SILENCE_MS, startLiveStream } from './live-stream.ts';

const ID = '00000000-0000-4000-8000-000000000001';
const CHANGE = `event: change\ndata: ${JSON.stringify({ topic: 'runner', action: 'deleted', id: ID })}\n\n`;

let stop: (() => void) | undefined;
afterEach(() => stop?.());

/** A stream whose connections the test makes: each `open` waits for the test's answer. */
function stream(clock: ManualClock = manualClock()) {
  const opened: { signal: AbortSignal; answer: (body: Response | Error) => void }[] = [];
  const log: string[] = [];
  const events: LiveEvent[] = [];
  const beats: number[] = [];
  let changed = () => undefined as unknown;
  const note = (line: string) => {
    log.push(line);
    changed();
  };
  const live = startLiveStream({
    clock,
    random: () => 1,
    open: (signal) =>
      new Promise((resolve, reject) => {
        opened.push({ signal, answer: (body) => (body instanceof Response ? resolve(body) : reject(body)) });
        signal.addEventListener('abort', () => reject(new DOMException('stop', 'AbortError')));
        changed();
      }),
    onOpen: () => note('open'),
    onHeard: () => undefined,
    onBeat: (time) => beats.push(time),
    onEvents: (more) => {
      events.push(...more);
      note('events');
    },
    onLost: (error, over) => note(`${over ? 'over' : 'lost'} ${error.code}`),
  });
  stop = live.stop;
  /** Waits until `ready` holds; every step of the stream looks again. */
  const until = (ready: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => ready() && resolve();
      changed = look;
      look();
    });
  return { clock, live, opened, log, events, beats, until };
}

/** A body that the test writes and ends. */
function body() {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const readable = new ReadableStream<Uint8Array>({
    start(made) {
      controller = made;
    },
  });
  return {
    response: new Response(readable),
    write: (text: string) => controller?.enqueue(new TextEncoder().encode(text)),
    end: () => controller?.close(),
  };
}

test('events are told as they arrive, also when they come in pieces; other topics are left alone', async () => {
  const s = stream();
  const one = body();
  s.opened[0]?.answer(one.response);
  one.write('event: change\ndata: {"topic":"weather","action":"created"}\n\n');
  one.write(CHANGE.slice(0, 20));
  one.write(CHANGE.slice(20));
  await s.until(() => s.events.length === 1);
  expect(s.log).toEqual(['open', 'events']);
  expect(s.events[0]).toMatchObject({ topic: 'runner', action: 'deleted', id: ID });
});

test("a beat tells the coordinator's time", async () => {
  const s = stream();
  const one = body();
  s.opened[0]?.answer(one.response);
  one.write('event: beat\ndata: {"time":"2026-11-23T20:00:00.000Z"}\n\n');
  one.write(CHANGE);
  await s.until(() => s.events.length === 1);
  expect(s.beats).toEqual([Date.parse('2026-11-23T20:00:00.000Z')]);
});

test('a stream that ends is opened again after a pause, and each opening is told', async () => {
  const s = stream();
  const one = body();
  s.opened[0]?.answer(one.response);
  one.end();
  await s.until(() => s.log.includes('lost coordinator-unreachable'));
  expect(s.opened).toHaveLength(1);
  s.clock.advance(500);
  await s.until(() => s.opened.length === 2);
  s.opened[1]?.answer(body().response);
  await s.until(() => s.log.filter((line) => line === 'open').length === 2);
});

test('the pauses grow up to fifteen seconds', async () => {
  const s = stream();
  for (const pause of [500, 1000, 2000, 4000, 8000, 15_000, 15_000]) {
    const tries = s.opened.length;
    const losses = s.log.length;
    s.opened.at(-1)?.answer(new OutrunnerError('coordinator-unreachable'));
    await s.until(() => s.log.length > losses);
    s.clock.advance(pause - 1);
    expect(s.opened).toHaveLength(tries);
    s.clock.advance(1);
    await s.until(() => s.opened.length === tries + 1);
  }
});

test('silence beyond forty seconds counts as lost, a beat in time does not', async () => {
  const s = stream();
  const one = body();
  s.opened[0]?.answer(one.response);
  await s.until(() => s.log.includes('open'));
  s.clock.advance(SILENCE_MS - 1);
  expect(s.opened[0]?.signal.aborted).toBe(false);
  s.clock.advance(1);
  expect(s.opened[0]?.signal.aborted).toBe(true);
});

test('when the session is over it says so and does not try again', async () => {
  const s = stream();
  s.opened[0]?.answer(new OutrunnerError('sign-in-needed'));
  await s.until(() => s.log.includes('over sign-in-needed'));
  s.clock.advance(60_000);
  expect(s.opened).toHaveLength(1);
});

test('waking tries at once instead of waiting out the pause', async () => {
  const s = stream();
  s.opened[0]?.answer(new OutrunnerError('coordinator-unreachable'));
  await s.until(() => s.log.length === 1);
  // The pause begins one turn after the loss was told.
  await Promise.resolve();
  s.live.wake();
  await s.until(() => s.opened.length === 2);
});

test('stopping ends the connection', () => {
  const s = stream();
  s.live.stop();
  expect(s.opened[0]?.signal.aborted).toBe(true);
});
