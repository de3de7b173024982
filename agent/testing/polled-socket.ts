import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import {
  BatchSender,
  decodePoll,
  encodePoll,
  judgeBatch,
  type LinkMessage,
  POLL_CONTENT_TYPE,
  POLL_HOLD_MS,
  type PollAnswer,
  PollRequestSchema,
} from '../../protocol/polling.ts';
import { OutrunnerError, toProblem } from '../../protocol/problems.ts';

/** What a WebSocket offers to the small coordinator, over long polling. */
export class PolledSocket extends EventEmitter {
  readonly id = randomBytes(32).toString('base64url');
  readonly #down = new BatchSender();
  #received = 0;
  #hanging: ServerResponse | null = null;
  #close: { code: number; reason: string } | null = null;
  #isPaused = false;

  send(data: string): void {
    this.#down.push({ isBinary: false, bytes: Buffer.from(data) });
    setImmediate(() => this.#answer());
  }

  close(code = 1000, reason = ''): void {
    this.#close ??= { code, reason };
    setImmediate(() => this.#answer());
  }

  /** Takes nothing any more: calls are not answered. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  terminate(): void {
    this.#hanging?.destroy();
    this.emit('close');
  }

  receive(received: number, response: ServerResponse): void {
    this.#down.acknowledged(received);
    if (this.#hanging) reply(this.#hanging, { kind: 'nothing' });
    this.#hanging = response;
    const late = setTimeout(() => {
      if (this.#hanging !== response) return;
      this.#hanging = null;
      reply(response, { kind: 'nothing' });
    }, POLL_HOLD_MS);
    response.once('close', () => {
      clearTimeout(late);
      if (this.#hanging === response) this.#hanging = null;
    });
    this.#answer();
  }

  take(number: number, last: boolean, messages: readonly LinkMessage[], response: ServerResponse): void {
    if (this.#isPaused) return;
    const verdict = judgeBatch(this.#received, number);
    if (verdict === 'gap') this.emit('fault', `batch ${number} came after ${this.#received}`);
    if (verdict === 'next') {
      this.#received = number;
      for (const { bytes, isBinary } of messages) this.emit('message', Buffer.from(bytes), isBinary);
    }
    reply(response, { kind: 'taken', number: this.#received });
    if (last) this.emit('close');
  }

  #answer(): void {
    const batch = this.#close === null ? this.#down.current() : this.#down.currentOrEmpty();
    if (this.#hanging === null || batch === null) return;
    const close = this.#down.isLastOnItsWay ? this.#close : null;
    reply(this.#hanging, { kind: 'batch', number: batch.number, close }, batch.messages);
    this.#hanging = null;
    if (close !== null) this.emit('close');
  }
}

/** Where polls come in at the small coordinator. */
export class PollDesk {
  readonly #sockets = new Map<string, PolledSocket>();
  readonly #opened: (socket: PolledSocket) => void;

  constructor(opened: (socket: PolledSocket) => void) {
    this.#opened = opened;
  }

  get sockets(): readonly PolledSocket[] {
    return [...this.#sockets.values()];
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request).catch(() => null); // The call was cut: there is nobody to answer.
    if (body === null) return;
    const decoded = decodePoll(body);
    const call = PollRequestSchema.parse(decoded?.header);
    if (call.kind === 'open') {
      const socket = new PolledSocket();
      this.#sockets.set(socket.id, socket);
      reply(response, { kind: 'opened', session: socket.id });
      this.#opened(socket);
      return;
    }
    const socket = this.#sockets.get(request.headers.authorization?.replace('Bearer ', '') ?? '');
    if (socket === undefined) {
      const problem = toProblem(new OutrunnerError('poll-session-unknown'));
      response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify(problem));
    } else if (call.kind === 'receive') socket.receive(call.received, response);
    else socket.take(call.number, call.last, decoded?.messages ?? [], response);
  }
}

function reply(response: ServerResponse, answer: PollAnswer, messages: readonly LinkMessage[] = []): void {
  response.writeHead(200, { 'content-type': POLL_CONTENT_TYPE });
  response.end(encodePoll(answer, messages));
}
