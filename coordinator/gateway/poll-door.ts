import { randomBytes } from 'node:crypto';
import type { Clock } from '../../protocol/clock.ts';
import { decodePoll, encodePoll, type PollRequest, PollRequestSchema } from '../../protocol/polling.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { AgentLink } from './agent-link.ts';
import { type AnswerWay, PollLink } from './poll-link.ts';

export interface PollDoorDeps {
  readonly clock: Clock;
  /** A new session begins on this link. @throws OutrunnerError when there is no room for it. */
  begin(link: AgentLink, address: string): void;
}

/** One call of `POST /runner/v1/poll`. */
export interface PollCall {
  /** What stands in `Authorization: Bearer …`; null: nothing. */
  readonly session: string | null;
  readonly body: Uint8Array;
  readonly address: string;
  readonly way: AnswerWay;
}

/** Where agents come in that cannot open a WebSocket: finds the session of each call, and makes new ones. */
export class PollDoor {
  readonly #deps: PollDoorDeps;
  readonly #links = new Map<string, PollLink>();

  constructor(deps: PollDoorDeps) {
    this.#deps = deps;
  }

  /** Whether a session has this id: looked at before more than a few bytes are read. */
  knows(session: string): boolean {
    return this.#links.has(session);
  }

  /** Sessions that are open or were closed a moment ago. */
  get size(): number {
    return this.#links.size;
  }

  /** @throws OutrunnerError `poll-session-unknown`, upon which the agent opens a new one; `invalid-input` for what is no call. */
  async answer(call: PollCall): Promise<Uint8Array> {
    const decoded = decodePoll(call.body);
    const request = decoded === null ? undefined : PollRequestSchema.safeParse(decoded.header);
    if (decoded === null || request?.success !== true) {
      const issue = request?.error?.issues[0];
      const field = issue === undefined ? '' : ` (${issue.path.join('.')}: ${issue.message})`;
      throw new OutrunnerError('invalid-input', { detail: `This is not a call of a polling agent${field}.` });
    }
    return this.#act(request.data, decoded.messages, call);
  }

  #act(
    request: PollRequest,
    messages: Parameters<PollLink['take']>[2],
    call: PollCall,
  ): Uint8Array | Promise<Uint8Array> {
    if (request.kind === 'open') return this.#open(call.address);
    const link = call.session === null ? undefined : this.#links.get(call.session);
    if (link === undefined) throw new OutrunnerError('poll-session-unknown');
    if (request.kind === 'receive') return link.receive(request.received, call.way);
    return link.take(request.number, request.last, messages);
  }

  #open(address: string): Uint8Array {
    const session = randomBytes(32).toString('base64url');
    const link = new PollLink({ clock: this.#deps.clock, forget: () => void this.#links.delete(session) });
    this.#deps.begin(link, address);
    this.#links.set(session, link);
    return encodePoll({ kind: 'opened', session });
  }
}
