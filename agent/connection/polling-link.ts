import type { Clock } from '../../protocol/clock.ts';
import {
  BatchSender,
  decodePoll,
  encodePoll,
  type LinkMessage,
  MAX_POLL_BYTES,
  POLL_CONTENT_TYPE,
  POLL_HOLD_MS,
  POLL_PATH,
  type PollAnswer,
  PollAnswerSchema,
  type PollRequest,
} from '../../protocol/polling.ts';
import { ProblemSchema } from '../../protocol/problems.ts';
import { backOffMs } from './back-off.ts';
import { isCertificateProblem, UnexpectedAnswer } from './explain-failure.ts';
import { type HttpAnswer, httpExchange, parseJson } from './http-call.ts';
import type { Link, LinkListener } from './link.ts';
import type { RequestOptions, Transport } from './transport.ts';

/** Beyond what the coordinator may take to answer, a call gets this long. Both fit into the silence that ends a session. */
const CALL_MS = 10_000;
/** Waits between tries of one call stay below this: the session's own deadline says when to give up. */
const LONGEST_WAIT_MS = 2_000;
/** The coordinator could not take it all: it had been waiting already before it said so. */
const BUSY_WAIT_MS = 100;

export interface PollingDeps {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Between 0 and 1; for the waits between tries. */
  readonly random: () => number;
}

type Answered = PollAnswer & { readonly messages: readonly LinkMessage[] };

/** The session is over for the coordinator, or it says so of itself. */
class SessionOver extends Error {}

/**
 * The link over long polling: one call hangs until the coordinator has something to say, another carries what is said here.
 * A call that fails is made again, unchanged: batches are numbered, so nothing is lost, doubled or reordered. It ends when
 * the coordinator does not know the session any more; silence is noticed by the session above.
 */
export class PollingLink implements Link {
  readonly #deps: PollingDeps;
  readonly #listener: LinkListener;
  readonly #options: RequestOptions;
  readonly #up = new BatchSender();
  readonly #abort = new AbortController();
  readonly #pauses = new Set<() => void>();
  #session: string | null = null;
  #received = 0;
  #isSending = false;
  #leaving = false;
  #over = false;

  constructor(deps: PollingDeps, listener: LinkListener) {
    this.#deps = deps;
    this.#listener = listener;
    this.#options = deps.transport.requestOptions(undefined, true);
    void this.#live();
  }

  get isOpen(): boolean {
    return this.#session !== null && !this.#over && !this.#leaving;
  }

  get waiting(): number {
    return this.#up.waiting;
  }

  send(data: string | Uint8Array, left: () => void): void {
    const isBinary = typeof data !== 'string';
    this.#up.push({ isBinary, bytes: isBinary ? data : Buffer.from(data) }, left);
    void this.#pump();
  }

  close(): void {
    this.#leaving = true;
    void this.#pump();
  }

  terminate(): void {
    if (this.#over) return;
    this.#over = true;
    this.#abort.abort();
    this.#options.agent?.destroy();
    this.#up.drop();
    for (const wake of [...this.#pauses]) wake();
  }

  async #live(): Promise<void> {
    try {
      const answer = await this.#call({ kind: 'open' });
      if (answer.kind !== 'opened') throw new Error(`the answer to "open" is "${answer.kind}"`);
      this.#session = answer.session;
      while (!this.#over) await this.#receive();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #receive(): Promise<void> {
    const answer = await this.#callUntilAnswered({ kind: 'receive', received: this.#received });
    if (answer === null) return;
    this.#listener.heard();
    if (answer.kind !== 'batch') return;
    if (answer.number !== this.#received + 1) throw new Error('the coordinator left out something that it said');
    this.#received = answer.number;
    for (const { bytes, isBinary } of answer.messages) {
      if (this.#over) return;
      this.#listener.received(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), isBinary);
    }
    if (answer.close !== null) this.#closed(answer.close.code, answer.close.reason);
  }

  /** Sends what waits, one batch after the other. The end of the session is a batch of its own, which holds nothing else. */
  async #pump(): Promise<void> {
    if (this.#isSending || this.#session === null) return;
    this.#isSending = true;
    try {
      while (!this.#over) {
        const batch = this.#up.current() ?? (this.#leaving ? this.#up.currentOrEmpty() : null);
        if (batch === null) return;
        const last = batch.messages.length === 0;
        const answer = await this.#callUntilAnswered({ kind: 'send', number: batch.number, last }, batch.messages);
        if (answer?.kind !== 'taken') continue;
        this.#up.acknowledged(answer.number);
        if (answer.number < batch.number) await this.#pause(BUSY_WAIT_MS);
        else if (last) this.#closed(1000, '');
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isSending = false;
    }
  }

  /** Makes a call again until it is answered; null when the link is over meanwhile. Throws what makes no sense to repeat. */
  async #callUntilAnswered(request: PollRequest, messages: readonly LinkMessage[] = []): Promise<Answered | null> {
    for (let tries = 1; !this.#over; tries++) {
      try {
        return await this.#call(request, messages);
      } catch (error) {
        if (this.#over) return null;
        if (!isPassing(error)) throw error;
        await this.#pause(Math.min(LONGEST_WAIT_MS, backOffMs(tries, this.#deps.random)));
      }
    }
    return null;
  }

  async #call(request: PollRequest, messages: readonly LinkMessage[] = []): Promise<Answered> {
    const { transport, clock } = this.#deps;
    const late = new AbortController();
    const timer = clock.after(CALL_MS + (request.kind === 'receive' ? POLL_HOLD_MS : 0), () => late.abort());
    try {
      const answer = await httpExchange(transport, {
        method: 'POST',
        path: POLL_PATH,
        options: this.#options,
        headers: {
          'content-type': POLL_CONTENT_TYPE,
          ...(this.#session === null ? {} : { authorization: `Bearer ${this.#session}` }),
        },
        body: Buffer.from(encodePoll(request, messages).buffer),
        longestAnswer: MAX_POLL_BYTES,
        signal: AbortSignal.any([this.#abort.signal, late.signal]),
      });
      return readAnswer(answer);
    } finally {
      timer.cancel();
    }
  }

  #pause(ms: number): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        this.#pauses.delete(wake);
        resolve();
      };
      const timer = this.#deps.clock.after(ms, wake);
      this.#pauses.add(wake);
    });
  }

  #closed(code: number, reason: string): void {
    if (this.#over) return;
    this.terminate();
    this.#listener.closed(code, reason);
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.terminate();
    this.#listener.failed(error);
  }
}

function readAnswer({ status, body }: HttpAnswer): Answered {
  if (status !== 200) {
    const problem = ProblemSchema.safeParse(parseJson(body.toString('utf8')));
    if (problem.data?.code === 'poll-session-unknown') {
      throw new SessionOver('the coordinator does not know this session any more');
    }
    if (problem.data?.code === 'shutting-down') throw new SessionOver('the coordinator is stopping');
    throw new UnexpectedAnswer(status, false);
  }
  const decoded = decodePoll(body);
  const answer = PollAnswerSchema.safeParse(decoded?.header);
  if (decoded === null || !answer.success) throw new UnexpectedAnswer(status, false);
  return { ...answer.data, messages: decoded.messages };
}

/** Whether the same call may be answered in a moment. What a proxy says while it is reloaded passes; what it forbids stays. */
function isPassing(error: unknown): boolean {
  // This link goes on believing what it believed when it was opened; the next one may know better.
  if (error instanceof SessionOver || isCertificateProblem(error)) return false;
  if (!(error instanceof UnexpectedAnswer)) return true;
  return error.status >= 500 || error.status === 408 || error.status === 429;
}
