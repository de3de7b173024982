import { z } from 'zod';
import { MAX_MESSAGE_BYTES } from './wire.ts';

/**
 * Long polling: the messages of `wire.ts` over plain HTTP, where a proxy lets no WebSocket through. Every call is
 * `POST /runner/v1/poll` with a body of bytes both ways: a header in JSON, then messages, text or binary. A session's id
 * is made by the coordinator when it is opened, stands in `Authorization: Bearer …`, and is what the challenge, the signed
 * `hello` and everything after them belong to.
 *
 * - `open` → `opened`: a new session.
 * - `receive` → `batch` or `nothing`: waits until there is something for the agent, at most {@link POLL_HOLD_MS}.
 * - `send` → `taken`: messages from the agent, while a `receive` hangs beside it.
 *
 * HTTP calls get lost, and nobody knows whether the call or its answer did. So messages travel in numbered batches, one at
 * a time in each direction; a batch is sent again, unchanged, until it is acknowledged: by `taken`, or by the `received` of
 * the next `receive`. What comes a second time is acknowledged and not looked at.
 */

export const POLL_PATH = '/runner/v1/poll';
export const POLL_CONTENT_TYPE = 'application/octet-stream';
/**
 * How long a `receive` waits, in milliseconds. Well below the minute after which proxies cut what is idle, and short enough
 * that one lost call is noticed and made again before the session counts as silent.
 */
export const POLL_HOLD_MS = 10_000;
/** A batch takes more messages up to so many bytes. Many proxies refuse bodies of more than 1 MB. */
export const BATCH_BYTES = 512 << 10;
/** No body is longer: one message of the largest size, or a full batch, and a header. */
export const MAX_POLL_BYTES = MAX_MESSAGE_BYTES + BATCH_BYTES + 4096;

/** 32 random bytes: who knows the id is the one who opened the session. */
export const PollSessionSchema = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

const batchNumber = z.number().int().min(1);

export const PollRequestSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('open') }),
  z.object({
    kind: z.literal('send'),
    /** From 1, without gaps. */
    number: batchNumber,
    /** The agent says nothing after this and leaves. */
    last: z.boolean(),
  }),
  z.object({
    kind: z.literal('receive'),
    /** Number of the last batch that arrived; 0: none yet. */
    received: z.number().int().min(0),
  }),
]);
export type PollRequest = z.infer<typeof PollRequestSchema>;

export const PollAnswerSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('opened'), session: PollSessionSchema }),
  /** Everything up to this batch has arrived. Lower than what was sent: the coordinator is busy, send it again. */
  z.object({ kind: z.literal('taken'), number: z.number().int().min(0) }),
  z.object({
    kind: z.literal('batch'),
    number: batchNumber,
    /** The session ends with this batch: a code of `CLOSE`, as a WebSocket would carry it. */
    close: z.object({ code: z.number().int(), reason: z.string() }).nullable(),
  }),
  z.object({ kind: z.literal('nothing') }),
]);
export type PollAnswer = z.infer<typeof PollAnswerSchema>;

/** One message as a WebSocket would carry it. */
export interface LinkMessage {
  readonly isBinary: boolean;
  readonly bytes: Uint8Array;
}

const TEXT = 0;
const BINARY = 1;
const MESSAGE_HEADER_BYTES = 5;

/** The body of a call: u32 length of the header, the header in JSON; of each message u8 kind, u32 length, bytes. Little endian. */
export function encodePoll(
  header: PollRequest | PollAnswer,
  messages: readonly LinkMessage[] = [],
): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(JSON.stringify(header));
  const length = messages.reduce((sum, { bytes }) => sum + MESSAGE_HEADER_BYTES + bytes.length, 4 + head.length);
  const body = new Uint8Array(length);
  const view = new DataView(body.buffer);
  view.setUint32(0, head.length, true);
  body.set(head, 4);
  let at = 4 + head.length;
  for (const { isBinary, bytes } of messages) {
    body[at] = isBinary ? BINARY : TEXT;
    view.setUint32(at + 1, bytes.length, true);
    body.set(bytes, at + MESSAGE_HEADER_BYTES);
    at += MESSAGE_HEADER_BYTES + bytes.length;
  }
  return body;
}

/** Takes a body apart; null when it is none. The header is not yet checked; the messages are views, not copies. */
export function decodePoll(body: Uint8Array): { readonly header: unknown; readonly messages: LinkMessage[] } | null {
  if (body.length < 4) return null;
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const headerEnd = 4 + view.getUint32(0, true);
  if (headerEnd > body.length) return null;
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body.subarray(4, headerEnd)));
  } catch {
    return null; // Not JSON, or not even text: one more body that is none.
  }
  const messages: LinkMessage[] = [];
  for (let at = headerEnd; at < body.length; ) {
    const kind = body[at];
    if (at + MESSAGE_HEADER_BYTES > body.length || (kind !== TEXT && kind !== BINARY)) return null;
    const end = at + MESSAGE_HEADER_BYTES + view.getUint32(at + 1, true);
    if (end > body.length) return null;
    messages.push({ isBinary: kind === BINARY, bytes: body.subarray(at + MESSAGE_HEADER_BYTES, end) });
    at = end;
  }
  return { header, messages };
}

export interface Batch {
  readonly number: number;
  readonly messages: readonly LinkMessage[];
}

interface Queued extends LinkMessage {
  readonly left: (() => void) | undefined;
}

/** The sending end of one direction: what waits, and the one batch that is on its way until it is acknowledged. */
export class BatchSender {
  #queue: Queued[] = [];
  #current: (Batch & { readonly queued: readonly Queued[]; readonly bytes: number }) | null = null;
  #number = 0;
  #waiting = 0;
  #acknowledged = 0;

  /** Bytes that are not acknowledged yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Bytes that were acknowledged so far: grows as long as the other end takes something. */
  get acknowledgedBytes(): number {
    return this.#acknowledged;
  }

  /** Whether nothing waits and nothing is on its way. */
  get isIdle(): boolean {
    return this.#current === null && this.#queue.length === 0;
  }

  /** Whether nothing would follow the batch that is on its way. */
  get isLastOnItsWay(): boolean {
    return this.#queue.length === 0;
  }

  /** `left` is called once: when the message has arrived, or never will. Its bytes must not change until then. */
  push(message: LinkMessage, left?: () => void): void {
    this.#queue.push({ ...message, left });
    this.#waiting += message.bytes.length;
  }

  /** The batch to send now: the same one until it is acknowledged. null: there is nothing to send. */
  current(): Batch | null {
    if (this.#current !== null || this.#queue.length === 0) return this.#current;
    let count = 0;
    let bytes = 0;
    for (const message of this.#queue) {
      if (count > 0 && bytes + message.bytes.length > BATCH_BYTES) break;
      bytes += message.bytes.length;
      count += 1;
    }
    return this.#start(this.#queue.splice(0, count), bytes);
  }

  /** As {@link current}, but a batch without messages when there is nothing: to carry the end of the session. */
  currentOrEmpty(): Batch {
    return this.current() ?? this.#start([], 0);
  }

  /** The other end has every batch up to `number`. Returns false for a number that was never sent. */
  acknowledged(number: number): boolean {
    if (number > this.#number) return false;
    const sent = this.#current;
    // An answer that comes late says what is known already.
    if (sent === null || number < sent.number) return true;
    this.#current = null;
    this.#waiting -= sent.bytes;
    this.#acknowledged += sent.bytes;
    for (const { left } of sent.queued) left?.();
    return true;
  }

  /** Gives up everything that has not arrived. */
  drop(): void {
    const dropped = [...(this.#current?.queued ?? []), ...this.#queue];
    this.#current = null;
    this.#queue = [];
    this.#waiting = 0;
    for (const { left } of dropped) left?.();
  }

  #start(queued: readonly Queued[], bytes: number): Batch {
    this.#number += 1;
    this.#current = { number: this.#number, messages: queued, queued, bytes };
    return this.#current;
  }
}

/** What the receiving end of one direction does with a batch: look at it, acknowledge it again, or end the session. */
export function judgeBatch(received: number, number: number): 'next' | 'again' | 'gap' {
  if (number === received + 1) return 'next';
  return number <= received ? 'again' : 'gap';
}
