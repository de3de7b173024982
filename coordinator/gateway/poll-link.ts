import type { Clock, Timer } from '../../protocol/clock.ts';
import { BatchSender, encodePoll, judgeBatch, type LinkMessage, POLL_HOLD_MS } from '../../protocol/polling.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { CLOSE, MAX_MESSAGE_BYTES } from '../../protocol/wire.ts';
import type { AgentLink, LinkListener } from './agent-link.ts';

/** How long the answer to a `send` may wait while this end is busy: shorter than the patience of the agent. */
const BUSY_MS = 5_000;
/** How long a session that was closed is remembered, so that an agent which lost the last answer gets it again. */
const LINGER_MS = 10_000;

/** As a WebSocket is closed in this case. */
const TOO_LARGE = 1009;

/** What became of an answer: left for the peer, or its connection broke first. */
export interface AnswerWay {
  /** Calls back once, when the answer has left, or the peer is gone and never gets it. */
  over(listener: (hasLeft: boolean) => void): void;
}

interface Hanging {
  answer(body: Uint8Array): void;
  readonly way: AnswerWay;
  readonly timer: Timer;
}

/** What arrived and is not wholly delivered, because the session holds its agent back. */
interface Arriving {
  readonly number: number;
  readonly last: boolean;
  readonly messages: readonly LinkMessage[];
  at: number;
  readonly waiting: Set<() => void>;
}

export interface PollLinkDeps {
  readonly clock: Clock;
  /** It needs to be known no more: forgotten, closed and collected, or broken. */
  forget(): void;
}

/**
 * The link over long polling. One `receive` of the agent hangs here and is answered as soon as there is something to say;
 * each `send` is delivered message by message, and answered when all of it was. Memory is bounded: one batch each way,
 * and what the sweep lets wait.
 */
export class PollLink implements AgentLink {
  readonly #clock: Clock;
  readonly #forget: () => void;
  readonly #down = new BatchSender();
  #listener: LinkListener | null = null;
  #hanging: Hanging | null = null;
  #arriving: Arriving | null = null;
  #received = 0;
  #paused = false;
  #closing: { readonly code: number; readonly reason: string } | null = null;
  #linger: Timer | null = null;
  #isGone = false;
  #answerSoon = false;
  #absentSince: number;
  brokenOff = false;

  constructor(deps: PollLinkDeps) {
    this.#clock = deps.clock;
    this.#forget = deps.forget;
    this.#absentSince = deps.clock.monotonic();
  }

  listen(listener: LinkListener): void {
    this.#listener = listener;
  }

  send(text: string): void {
    if (this.#closing !== null || this.#isGone) return;
    this.#down.push({ isBinary: false, bytes: Buffer.from(text) });
    this.#answerHanging();
  }

  close(code: number, reason: string): void {
    if (this.#closing !== null || this.#isGone) return;
    this.#closing = { code, reason };
    this.#giveUpArriving();
    this.#linger = this.#clock.after(LINGER_MS, () => this.terminate());
    this.#answerHanging();
  }

  terminate(): void {
    this.#end();
    this.#linger?.cancel();
    this.#down.drop();
    this.#giveUpArriving();
    this.#letGo(this.#hanging, encodePoll({ kind: 'nothing' }));
    this.#forget();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  get waiting(): number {
    return this.#down.waiting;
  }

  get taken(): number {
    return this.#down.acknowledgedBytes;
  }

  absentFor(now: number): number {
    return this.#hanging === null ? now - this.#absentSince : 0;
  }

  /** Answers a `receive`: at once when something waits, else as soon as something does, or with nothing after a while. */
  receive(received: number, way: AnswerWay): Promise<Uint8Array> {
    if (!this.#down.acknowledged(received)) {
      this.close(CLOSE.protocolError, 'a batch was acknowledged that was never sent');
      throw new OutrunnerError('invalid-input', { detail: 'A batch is acknowledged that was never sent.' });
    }
    // The agent asks anew when the connection of its last call broke: that one is answered to nobody.
    this.#letGo(this.#hanging, encodePoll({ kind: 'nothing' }));
    this.brokenOff = false;
    return new Promise((resolve) => {
      const timer = this.#clock.after(POLL_HOLD_MS, () => this.#letGo(hanging, encodePoll({ kind: 'nothing' })));
      const hanging: Hanging = { answer: resolve, way, timer };
      this.#hanging = hanging;
      way.over((hasLeft) => {
        if (hasLeft || this.#hanging !== hanging) return;
        this.#letGo(hanging, encodePoll({ kind: 'nothing' }));
        this.brokenOff = true;
      });
      this.#answerHanging();
    });
  }

  /** Answers a `send` when everything in it was delivered, or after a while with how far it got. */
  async take(number: number, last: boolean, messages: readonly LinkMessage[]): Promise<Uint8Array> {
    const verdict = judgeBatch(this.#received, number);
    if (verdict === 'gap') {
      this.close(CLOSE.protocolError, 'a batch is missing');
      throw new OutrunnerError('invalid-input', { detail: `Batch ${this.#received + 1} is missing before ${number}.` });
    }
    if (messages.some(({ bytes }) => bytes.length > MAX_MESSAGE_BYTES)) this.close(TOO_LARGE, 'a message is too large');
    if (verdict === 'next' && this.#closing === null && !this.#isGone) {
      this.#arriving ??= { number, last, messages, at: 0, waiting: new Set() };
      this.#deliver();
      if (this.#arriving !== null) await this.#delivered(this.#arriving);
    }
    return encodePoll({ kind: 'taken', number: this.#received });
  }

  #delivered(arriving: Arriving): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        arriving.waiting.delete(done);
        resolve();
      };
      const timer = this.#clock.after(BUSY_MS, done);
      arriving.waiting.add(done);
    });
  }

  #deliver(): void {
    const arriving = this.#arriving;
    if (arriving === null) return;
    while (arriving.at < arriving.messages.length && !this.#paused && this.#arriving === arriving) {
      const { bytes, isBinary } = arriving.messages[arriving.at++] as LinkMessage;
      this.#listener?.received(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), isBinary);
    }
    if (arriving.at < arriving.messages.length || this.#arriving !== arriving) return;
    this.#received = arriving.number;
    this.#giveUpArriving();
    if (!arriving.last) return;
    // The agent has left. It may ask again whether that arrived.
    this.#linger ??= this.#clock.after(LINGER_MS, () => this.terminate());
    this.#closing ??= { code: 1000, reason: '' };
    this.#answerHanging();
    this.#end();
  }

  #giveUpArriving(): void {
    const arriving = this.#arriving;
    this.#arriving = null;
    for (const done of arriving?.waiting ?? []) done();
  }

  /** Once the present turn is over: what is said in one go travels in one answer. */
  #answerHanging(): void {
    if (this.#answerSoon || this.#hanging === null) return;
    if (this.#down.isIdle && this.#closing === null) return;
    this.#answerSoon = true;
    setImmediate(() => {
      this.#answerSoon = false;
      const hanging = this.#hanging;
      const closing = this.#closing;
      const batch = closing === null ? this.#down.current() : this.#down.currentOrEmpty();
      if (hanging === null || batch === null) return;
      const close = this.#down.isLastOnItsWay ? closing : null;
      if (close !== null) {
        hanging.way.over((hasLeft) => {
          if (hasLeft) this.#end();
        });
      }
      this.#letGo(hanging, encodePoll({ kind: 'batch', number: batch.number, close }, batch.messages));
    });
  }

  #letGo(hanging: Hanging | null, answer: Uint8Array): void {
    if (hanging === null || this.#hanging !== hanging) return;
    this.#hanging = null;
    this.#absentSince = this.#clock.monotonic();
    hanging.timer.cancel();
    hanging.answer(answer);
  }

  #end(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#listener?.gone();
  }
}
