import { EventEmitter } from 'node:events';
import {
  BatchSender,
  decodePoll,
  encodePoll,
  type LinkMessage,
  POLL_CONTENT_TYPE,
  POLL_PATH,
  PollAnswerSchema,
  type PollRequest,
} from '../../protocol/polling.ts';
import { ProblemSchema } from '../../protocol/problems.ts';

type Answered = ReturnType<typeof PollAnswerSchema.parse> & { readonly messages: readonly LinkMessage[] };

/** An answer that was no answer to a poll. */
export class PollRefused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(`The poll was refused: ${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

/** One call of a polling agent, as it is. */
export async function pollOnce(
  url: string,
  session: string | null,
  request: PollRequest,
  messages: readonly LinkMessage[] = [],
  signal?: AbortSignal,
): Promise<Answered> {
  const response = await fetch(`${url}${POLL_PATH}`, {
    method: 'POST',
    headers: {
      'content-type': POLL_CONTENT_TYPE,
      ...(session === null ? {} : { authorization: `Bearer ${session}` }),
    },
    body: encodePoll(request, messages),
    ...(signal === undefined ? {} : { signal }),
  });
  const body = new Uint8Array(await response.arrayBuffer());
  if (!response.ok) {
    throw new PollRefused(response.status, ProblemSchema.parse(JSON.parse(new TextDecoder().decode(body))).code);
  }
  const decoded = decodePoll(body);
  return { ...PollAnswerSchema.parse(decoded?.header), messages: decoded?.messages ?? [] };
}

/** What a WebSocket offers to the simulated agent, over long polling. */
export class PollingSocket extends EventEmitter {
  readonly #url: string;
  readonly #up = new BatchSender();
  readonly #abort = new AbortController();
  #session: string | null = null;
  #received = 0;
  #sending = false;
  #paused = false;
  #over = false;

  constructor(url: string) {
    super();
    this.#url = url;
    void this.#open();
  }

  /** The id that the coordinator gave it. */
  get session(): string {
    return this.#session ?? '';
  }

  get bufferedAmount(): number {
    return this.#up.waiting;
  }

  send(data: string | Uint8Array): void {
    const isBinary = typeof data !== 'string';
    this.#up.push({ isBinary, bytes: isBinary ? data : new TextEncoder().encode(data) });
    void this.#pump();
  }

  /** Asks for nothing any more. */
  pause(): void {
    this.#paused = true;
  }

  terminate(): void {
    this.#abort.abort();
    this.#end(1006);
  }

  #call(request: PollRequest, messages: readonly LinkMessage[] = []): Promise<Answered> {
    return pollOnce(this.#url, this.#session, request, messages, this.#abort.signal);
  }

  async #open(): Promise<void> {
    try {
      const answer = await this.#call({ kind: 'open' });
      if (answer.kind !== 'opened') throw new Error(`The answer to open is ${answer.kind}.`);
      this.#session = answer.session;
      this.emit('open');
      while (!this.#over && !this.#paused) await this.#receive();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #receive(): Promise<void> {
    const answer = await this.#call({ kind: 'receive', received: this.#received });
    if (answer.kind !== 'batch' || answer.number <= this.#received) return;
    this.#received = answer.number;
    for (const { bytes, isBinary } of answer.messages) this.emit('message', Buffer.from(bytes), isBinary);
    if (answer.close !== null) this.#end(answer.close.code);
  }

  async #pump(): Promise<void> {
    if (this.#sending || this.#session === null) return;
    this.#sending = true;
    try {
      for (let batch = this.#up.current(); batch !== null && !this.#over; batch = this.#up.current()) {
        const answer = await this.#call({ kind: 'send', number: batch.number, last: false }, batch.messages);
        if (answer.kind === 'taken') this.#up.acknowledged(answer.number);
        // Too much at once, or the session is over: its last words come over the other call.
        if (answer.kind === 'taken' && answer.number < batch.number)
          await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#sending = false;
    }
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    if (this.listenerCount('error') > 0) this.emit('error', error);
    this.#end(1006);
  }

  #end(code: number): void {
    if (this.#over) return;
    this.#over = true;
    this.emit('close', code);
  }
}
