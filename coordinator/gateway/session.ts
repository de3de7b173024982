import { randomBytes } from 'node:crypto';
import type { ToldTrust } from '../../protocol/trust.ts';
import {
  type FromAgent,
  FromAgentSchema,
  type JournalFrame,
  MAX_FRAME_BYTES,
  readJournalFrame,
  type ToAgent,
} from '../../protocol/wire.ts';
import type { AgentLink, LinkListener } from './agent-link.ts';
import type { ReplicaState } from './replica-state.ts';

/** Wrong messages in one session before it is ended. */
const FAULTS_ALLOWED = 10;
/** Bytes of journal that one session may have in memory before it is not read from. */
const HOLD_BACK_BYTES = 8 << 20;
const GO_ON_BYTES = 2 << 20;

export interface SessionHandler {
  message(session: Session, message: FromAgent): void;
  /** Settles when the frame is stored or given up; its value says what is wrong with it. */
  frame(session: Session, frame: JournalFrame): Promise<string | null>;
  abused(session: Session): void;
  closed(session: Session): void;
  failed(session: Session, error: unknown): void;
}

/** One connection of one agent: turns bytes into checked messages, and holds back a peer that is too fast. */
export class Session implements LinkListener {
  readonly link: AgentLink;
  readonly address: string;
  readonly nonce = randomBytes(32).toString('base64url');
  state: 'challenged' | 'verifying' | 'open' | 'closed' = 'challenged';
  replica: ReplicaState | null = null;
  epoch = 0;
  instance = '';
  /** Of its hello; null before. */
  hello: { readonly nonce: string; readonly replica: string } | null = null;
  /** What its agent says that it believes; null: it says nothing of it. */
  told: ToldTrust | null = null;
  /** The coordinator's keys that its agent believes, the newest first, as far as is known. */
  believed: readonly string[] = [];
  /** On the monotonic clock. */
  readonly openedAt: number;
  heardAt: number;
  heldBack = false;
  /** Called when its link is over as well. */
  onGone: (() => void) | null = null;
  #faults = 0;
  #storing = 0;
  readonly #handler: SessionHandler;
  #flushed = 0;
  #flushedAt: number;

  constructor(link: AgentLink, address: string, now: number, handler: SessionHandler) {
    this.link = link;
    this.address = address;
    this.openedAt = now;
    this.heardAt = now;
    this.#flushedAt = now;
    this.#handler = handler;
    link.listen(this);
  }

  send(message: ToAgent): void {
    if (this.state !== 'closed') this.link.send(JSON.stringify(message));
  }

  /** Sends a message that was made for many. */
  sendText(text: string): void {
    if (this.state !== 'closed') this.link.send(text);
  }

  /** Ends the session: nothing more is taken from it, whatever is still on the way. */
  close(code: number, reason: string): void {
    this.#end();
    this.link.close(code, reason);
  }

  /** Ends it without waiting for the peer, which does not answer. */
  terminate(): void {
    this.#end();
    this.link.terminate();
  }

  /** Answers what the peer did wrong; ends the session when that happens again and again. */
  fault(detail: string): void {
    this.send({ type: 'error', detail: detail.slice(0, 2000) });
    this.#faults += 1;
    if (this.#faults >= FAULTS_ALLOWED && this.state !== 'closed') this.#handler.abused(this);
  }

  /** Milliseconds since the peer last took a byte that waits for it; 0 when none waits. */
  stalledFor(now: number): number {
    const flushed = this.link.taken;
    if (this.link.waiting === 0 || flushed !== this.#flushed) this.#flushedAt = now;
    this.#flushed = flushed;
    return now - this.#flushedAt;
  }

  gone(): void {
    this.#end();
    this.onGone?.();
  }

  broke(error: unknown): void {
    this.#handler.failed(this, error);
  }

  #end(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#handler.closed(this);
  }

  received(data: Buffer, isBinary: boolean): void {
    if (this.state === 'closed') return;
    try {
      if (isBinary) this.#receiveFrame(data);
      else this.#receiveText(data);
    } catch (error) {
      this.#handler.failed(this, error);
      this.fault('This message could not be handled.');
    }
  }

  #receiveText(data: Buffer): void {
    let json: unknown;
    try {
      json = JSON.parse(data.toString('utf8'));
    } catch {
      this.fault('This message is not JSON.');
      return;
    }
    const parsed = FromAgentSchema.safeParse(json);
    if (parsed.success) {
      this.#handler.message(this, parsed.data);
      return;
    }
    const issue = parsed.error.issues[0];
    const type = typeof json === 'object' && json !== null && 'type' in json ? String(json.type).slice(0, 50) : '';
    const where = issue === undefined || issue.path.length === 0 ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
    const known = FromAgentSchema.options.some((option) => option.shape.type.value === type);
    this.fault(
      known
        ? `A message of type “${type}” is not as it should be${where}.`
        : `The message type “${type}” is not known.`,
    );
  }

  #receiveFrame(data: Buffer): void {
    if (this.state !== 'open') {
      this.fault('Journal frames come after the handshake.');
      return;
    }
    if (data.length > MAX_FRAME_BYTES) {
      this.fault(`A frame has at most ${MAX_FRAME_BYTES} bytes.`);
      return;
    }
    const frame = readJournalFrame(data);
    if (frame === null) {
      this.fault('This frame is not a journal frame.');
      return;
    }
    this.#storing += data.length;
    if (this.#storing > HOLD_BACK_BYTES && !this.heldBack) {
      this.heldBack = true;
      this.link.pause();
    }
    this.#handler.frame(this, frame).then(
      (wrong) => {
        if (wrong !== null) this.fault(wrong);
        this.#stored(data.length);
      },
      (error) => {
        this.#handler.failed(this, error);
        this.#stored(data.length);
      },
    );
  }

  #stored(bytes: number): void {
    this.#storing -= bytes;
    if (!this.heldBack || this.#storing > GO_ON_BYTES) return;
    this.heldBack = false;
    if (this.state !== 'closed') this.link.resume();
  }
}
