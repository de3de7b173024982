import { LiveBeatSchema, type LiveEvent, LiveEventSchema } from '../../protocol/api/live.ts';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { createSseParser } from './sse-parser.ts';

/** Silence after which the stream counts as dead: two missed beats of 15 s and slack, in milliseconds. */
export const SILENCE_MS = 40_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;

export interface LiveStreamPorts {
  /** Opens `GET /live`; rejects with an OutrunnerError when that fails. */
  readonly open: (signal: AbortSignal) => Promise<Response>;
  readonly clock: Clock;
  /** 0 to 1, for the jitter of the back-off. */
  readonly random: () => number;
  /** The stream is open: what was read before may have missed something. */
  readonly onOpen: () => void;
  /** Bytes arrived, be it only a beat. */
  readonly onHeard: () => void;
  /** The coordinator's clock, in milliseconds since the epoch. */
  readonly onBeat: (time: number) => void;
  readonly onEvents: (events: LiveEvent[]) => void;
  /** The stream ended or never opened; it is tried again by itself, unless `stopped`: the session is over. */
  readonly onLost: (error: OutrunnerError, stopped: boolean) => void;
}

/**
 * Keeps one live stream open until `stop()`: reconnects for ever with full-jitter back-off, and gives a stream up that
 * was silent for {@link SILENCE_MS}. `wake()` tries at once instead of waiting out the back-off.
 */
export function startLiveStream(ports: LiveStreamPorts): { stop(): void; wake(): void } {
  let stopped = false;
  let failures = 0;
  let current: AbortController | null = null;
  let pause: { end(): void } | null = null;

  const loop = async () => {
    while (!stopped) {
      const error = await runOnce();
      if (stopped) return;
      const over = error.code === 'sign-in-needed' || error.code === 'token-unknown';
      ports.onLost(error, over);
      if (over) return;
      failures++;
      const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
      await sleep(ceiling * (0.5 + 0.5 * ports.random()));
    }
  };

  /** One connection from open to end; answers why it ended. */
  async function runOnce(): Promise<OutrunnerError> {
    const controller = new AbortController();
    current = controller;
    let silence: Timer | null = null;
    const listen = () => {
      silence?.cancel();
      silence = ports.clock.after(SILENCE_MS, () => controller.abort());
    };
    try {
      listen();
      const response = await ports.open(controller.signal);
      if (response.body === null) return new OutrunnerError('coordinator-unreachable');
      failures = 0;
      listen();
      ports.onHeard();
      ports.onOpen();
      await readEvents(response.body, listen);
      return new OutrunnerError('coordinator-unreachable', { detail: 'The coordinator closed the connection.' });
    } catch (cause) {
      if (cause instanceof OutrunnerError) return cause;
      return new OutrunnerError('coordinator-unreachable', { detail: 'The connection broke.', cause });
    } finally {
      (silence as Timer | null)?.cancel();
      controller.abort();
    }
  }

  async function readEvents(body: ReadableStream<Uint8Array>, listen: () => void): Promise<void> {
    const decoder = new TextDecoder();
    const parse = createSseParser();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || stopped) return;
      listen();
      ports.onHeard();
      const events: LiveEvent[] = [];
      for (const { event, data } of parse(decoder.decode(value, { stream: true }))) {
        if (event === 'beat') ports.onBeat(Date.parse(LiveBeatSchema.parse(JSON.parse(data)).time));
        if (event !== 'change') continue;
        // A topic that this console does not know yet is none of its business; a broken event breaks the stream, so that
        // everything is read again.
        const parsed = LiveEventSchema.safeParse(JSON.parse(data));
        if (parsed.success) events.push(parsed.data);
      }
      if (events.length > 0) ports.onEvents(events);
    }
  }

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ports.clock.after(ms, () => end());
      const end = () => {
        timer.cancel();
        pause = null;
        resolve();
      };
      pause = { end };
    });
  }

  void loop();
  return {
    stop() {
      stopped = true;
      current?.abort();
      pause?.end();
    },
    wake: () => pause?.end(),
  };
}
