import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../protocol/clock.ts';
import type { HostFacts, Identity } from '../../protocol/enrolment.ts';
import type { ProblemCode } from '../../protocol/problems.ts';
import type { ToldTrust, TrustAnnouncement } from '../../protocol/trust.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import {
  CLOSE,
  type FromAgent,
  type Hello,
  helloSigningText,
  LONGEST_SPREAD_MS,
  rejectionSigningText,
  type SelfCheck,
  type ToAgent,
  ToAgentSchema,
  welcomeSigningText,
} from '../../protocol/wire.ts';
import { privateKeyFrom, signText } from '../config/key-pair.ts';
import type { Log } from '../log.ts';
import { testDelayMs } from '../trust/test-delay.ts';
import type { Link, OpenLink } from './link.ts';
import type { SessionLink, SessionTrust, SessionUpgrades, SessionWork, Weighed, Welcome } from './session-link.ts';
import { CONNECT_DEADLINE_MS, type Transport } from './transport.ts';

/** Bytes that may wait in the link before the sender of journals pauses. */
const HIGH_WATER = 1 << 20;
/** A wall clock that leaps this far ahead of the monotonic one means that the host slept. */
const SLEPT_MS = 10_000;
/** After a sleep the other end gets this long to show that it is still there. */
const AFTER_SLEEP_MS = 5_000;
/** How often it is tried, in a session that lasts, to do without the authorities of before. */
const SETTLE_EVERY_MS = 600_000;

export interface SessionDeps {
  readonly clock: Clock;
  /** Between 0 and 1; spreads what a whole fleet would else do at once. */
  readonly random: () => number;
  readonly log: Log;
  readonly transport: Transport;
  readonly identity: Identity;
  readonly host: HostFacts;
  /** Of this process: random, and when it started. */
  readonly instance: string;
  readonly startedAt: number;
  readonly work: SessionWork;
  readonly upgrades: SessionUpgrades;
  readonly trust: SessionTrust;
  readonly checks: () => SelfCheck[];
  readonly open: OpenLink;
  /** Which way it takes, and why, for the coordinator to show. */
  readonly via: Pick<Hello, 'transport' | 'transportReason'>;
  readonly onWelcome: () => void;
  /** Called every few seconds while the session is open and its deadlines are watched. */
  readonly onPulse: () => void;
}

/** How a session ended. `lost` and `closed` may be followed by another one. */
export type SessionEnd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'lost'; readonly error: unknown }
  | {
      readonly kind: 'rejected';
      readonly code: ProblemCode;
      readonly detail: string;
      readonly todo: string | undefined;
      /** It was said by who holds a key that is believed, and to this session. */
      readonly isProven: boolean;
    }
  | { readonly kind: 'not-trusted' };

type Rejected = Extract<ToAgent, { type: 'rejected' }>;
type Handlers = { readonly [Type in ToAgent['type']]: (message: Extract<ToAgent, { type: Type }>) => void };

/**
 * One session with the coordinator over one link, from the handshake to its end. Both directions have deadlines: nothing heard for
 * `silenceMs`, or nothing written or no heartbeat answered for as long, ends it. `ended` never rejects.
 *
 * Longer than most files here, because the handshake, the deadlines and the close share one small state.
 */
export class Session implements SessionLink {
  readonly ended: Promise<SessionEnd>;
  readonly #deps: SessionDeps;
  readonly #link: Link;
  readonly #nonce = randomBytes(32).toString('base64url');
  #end!: (end: SessionEnd) => void;
  #over = false;
  #leaving = false;
  #welcomed = false;
  #silenceMs = CONNECT_DEADLINE_MS;
  #heardAt: number;
  #unsentSince: number | null = null;
  /** When the heartbeat was sent that is not answered yet. */
  #beatOwedSince: number | null = null;
  #unsent = 0;
  #challengedAt: number | null = null;
  /** What arrived while an announcement was weighed and written down; null: none is. */
  #inbox: (() => void)[] | null = null;
  /** What the coordinator knows of what is believed here. */
  #toldTrust: ToldTrust | null = null;
  /** Why what was announced last is not used. */
  #trustProblem: string | null = null;
  /** Runs while it is awaited that the authorities are tried. */
  #trial: Timer | null = null;
  #spreadMs = LONGEST_SPREAD_MS;
  #timers: Timer[] = [];

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#heardAt = deps.clock.monotonic();
    this.#timers.push(deps.clock.after(CONNECT_DEADLINE_MS, () => this.#welcomed || this.#lose(silent('ETIMEDOUT'))));
    this.#link = deps.open({
      heard: () => this.#heard(),
      received: (data, isBinary) => {
        if (!this.#over) this.#read(data, isBinary);
      },
      closed: (code, reason) => this.#inOrder(() => this.#closed(code, reason)),
      failed: (error) => this.#inOrder(() => this.#lose(error)),
    });
  }

  /** Says good-bye and closes; resolves when the link is closed, or 2 s later. Without a reason another session follows. */
  async leave(reason: string | null): Promise<void> {
    // Also when the welcome is still on its way: the other end may count this session as open already.
    if (this.#challengedAt !== null && reason !== null) this.send({ type: 'goodbye', reason });
    this.#leaving = true;
    this.#timers.push(this.#deps.clock.after(2_000, () => this.#finish({ kind: 'closed' })));
    this.#link.close(1000);
    await this.ended;
  }

  beat(): void {
    if (this.#welcomed && !this.#over) this.#beat();
  }

  /** Ends it from outside, when nothing inside does. */
  abandon(): void {
    this.#lose(new Error('the session hung'));
  }

  send(message: FromAgent): void {
    this.#write(JSON.stringify(message));
  }

  sendFrame(frame: Uint8Array, left: () => void): void {
    this.#write(frame, left);
  }

  canSend(): boolean {
    return !this.#over && this.#link.isOpen && this.#link.waiting < HIGH_WATER;
  }

  #read(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.send({ type: 'error', detail: 'The agent expects no binary frames.' });
      return;
    }
    let message: ToAgent;
    try {
      message = ToAgentSchema.parse(JSON.parse(data.toString('utf8')));
    } catch (error) {
      const detail = `This message was not understood: ${error instanceof Error ? error.message : String(error)}`;
      this.#deps.log.warn('The coordinator sent something that is not understood.', { detail: detail.slice(0, 300) });
      this.send({ type: 'error', detail: detail.slice(0, 2000) });
      return;
    }
    this.#inOrder(() => this.#take(message));
  }

  #inOrder(act: () => void): void {
    if (this.#inbox === null) act();
    else this.#inbox.push(act);
  }

  /** What is announced is weighed before anything else is heard that may rest on it. */
  #weigh(announced: TrustAnnouncement | undefined, then: (weighed: Weighed | null) => void): void {
    if (announced === undefined) {
      then(null);
      return;
    }
    const waiting: (() => void)[] = [];
    this.#inbox = waiting;
    void this.#deps.trust.weigh(announced).then((weighed) => {
      this.#inbox = null;
      if (!this.#over) then(weighed);
      // One of these may have to be weighed in its turn: then the rest waits again.
      for (const act of waiting) if (!this.#over) this.#inOrder(act);
    });
  }

  #take(message: ToAgent): void {
    const isHandshake = message.type === 'challenge' || message.type === 'welcome' || message.type === 'rejected';
    if (!this.#welcomed && !isHandshake) {
      this.#lose(new Error(`The coordinator said "${message.type}" before it said welcome.`));
      return;
    }
    (this.#handlers[message.type] as (message: ToAgent) => void)(message);
  }

  readonly #handlers: Handlers = {
    challenge: (message) => this.#answer(message.nonce),
    welcome: (message) => this.#weigh(message.trust, (weighed) => this.#welcome(message, weighed)),
    rejected: (message) => this.#weigh(message.trust, () => this.#rejected(message)),
    operation: (message) => this.#deps.work.offer(message),
    ack: (message) => this.#deps.work.acknowledged(message),
    'resume-from': (message) => this.#deps.work.resumeFrom(message),
    cancel: (message) => this.#deps.work.cancel(message),
    maximum: (message) => this.#deps.work.setMaximum(message.maximum),
    ping: (message) => this.send({ type: 'pong', id: message.id }),
    beat: (message) => {
      this.#beatOwedSince = null;
      this.#deps.upgrades.checkedIn();
      this.#deps.work.clockSkew(message.time - this.#deps.clock.now());
    },
    upgrade: (message) => this.#deps.upgrades.order(message),
    'upgrade-cancel': (message) => this.#deps.upgrades.cancel(message),
    'upgrade-noted': (message) => this.#deps.upgrades.noted(message),
    trust: (message) => {
      this.#spreadMs = message.spreadMs ?? this.#spreadMs;
      this.#weigh(message, (weighed) => this.#noteTrust(weighed));
    },
    error: (message) => this.#deps.log.warn('The coordinator reports an error.', { detail: message.detail }),
  };

  #answer(coordinatorNonce: string): void {
    const { identity, host, instance, startedAt, transport, work, upgrades, clock } = this.#deps;
    if (this.#challengedAt !== null) {
      this.#lose(new Error('The coordinator sent a second challenge.'));
      return;
    }
    this.#challengedAt = clock.monotonic();
    this.#toldTrust = this.#deps.trust.told();
    const signed = { replica: identity.replica, protocol: PROTOCOL_VERSION, instance, nonce: this.#nonce };
    this.send({
      type: 'hello',
      ...signed,
      host,
      startedAt,
      time: clock.now(),
      signature: signText(privateKeyFrom(identity.signingKey), helloSigningText(coordinatorNonce, signed)),
      ...this.#deps.via,
      proxy: transport.proxyShown,
      ...work.load(),
      operations: work.held(),
      upgradable: upgrades.upgradable(),
      trust: this.#toldTrust,
    });
  }

  #rejected({ code, detail, todo, proof }: Rejected): void {
    const text = rejectionSigningText(this.#nonce, this.#deps.identity.replica, code);
    const isProven = proof !== undefined && this.#deps.trust.isSignedBy(proof.publicKey, text, proof.signature);
    this.#finish({ kind: 'rejected', code, detail, todo, isProven });
  }

  #welcome(welcome: Welcome, weighed: Weighed | null): void {
    const { identity, clock, work, upgrades, trust, onWelcome } = this.#deps;
    if (this.#welcomed || this.#challengedAt === null) {
      this.#lose(new Error('The coordinator said welcome out of turn.'));
      return;
    }
    const text = welcomeSigningText(this.#nonce, identity.replica, welcome.epoch);
    if (!trust.isSignedBy(welcome.publicKey, text, welcome.signature)) {
      this.#finish({ kind: 'not-trusted' });
      return;
    }
    this.#welcomed = true;
    this.#silenceMs = welcome.silenceMs;
    this.#spreadMs = welcome.spreadMs ?? this.#spreadMs;
    const roundTrip = clock.monotonic() - this.#challengedAt;
    onWelcome();
    work.setMaximum(welcome.maximum);
    // Said first, so that the coordinator knows the checks and the load before it chooses this replica.
    this.#beat();
    upgrades.attach((message) => this.send(message));
    work.attach(this, welcome, Math.round(welcome.time + roundTrip / 2 - clock.now()));
    if (weighed !== null || trust.owesWord) this.#noteTrust(weighed);
    let wallAhead = clock.now() - clock.monotonic();
    this.#timers.push(
      clock.every(SETTLE_EVERY_MS, () => {
        if (!trust.isSettled) this.#noteTrust(null);
      }),
      clock.every(welcome.heartbeatMs, () => {
        const ahead = clock.now() - clock.monotonic();
        if (ahead - wallAhead > SLEPT_MS) this.#heardAt = Math.min(this.#heardAt, this.#deadlineAfterSleep());
        wallAhead = ahead;
        this.#watch();
        if (!this.#over) this.#beat();
      }),
      // Finer than the heartbeat when the silence allowed is short.
      clock.every(Math.max(250, Math.min(welcome.heartbeatMs, welcome.silenceMs / 4)), () => this.#watch()),
    );
  }

  /** Says what is believed now, once it is known whether all of it can be used. Nothing else waits for that. */
  #noteTrust(weighed: Weighed | null): void {
    const { clock, random, trust, log } = this.#deps;
    if (weighed !== null) this.#trustProblem = weighed.problem;
    if (weighed !== null && weighed.problem !== null) {
      log.warn(weighed.problem);
      trust.said(weighed.problem);
      this.#sayTrust(trust.told(), weighed.problem);
    } else if (trust.isSettled) {
      void this.#settleTrust();
    } else {
      const { keys } = trust.told();
      // A retirement waits for nothing but the key; with the serial of before, the rest is still awaited.
      if (this.#toldTrust !== null && keys[0] !== this.#toldTrust.keys[0])
        this.#sayTrust({ ...this.#toldTrust, keys }, null);
      // What comes before it is tried is tried with it.
      this.#trial ??= clock.after(testDelayMs(random, this.#spreadMs), () => {
        this.#trial = null;
        void this.#settleTrust();
      });
    }
  }

  async #settleTrust(): Promise<void> {
    const { trust } = this.#deps;
    const settled = await trust.settle();
    const problem = this.#trustProblem ?? settled;
    // Of something newer is said when that was tried.
    if (this.#over || this.#trial !== null) return;
    trust.said(problem);
    this.#sayTrust(trust.told(), problem);
  }

  #sayTrust(told: ToldTrust, problem: string | null): void {
    this.#toldTrust = told;
    this.send({ type: 'trust-noted', ...told, problem: problem?.slice(0, 500) ?? null });
  }

  #deadlineAfterSleep(): number {
    return this.#deps.clock.monotonic() - this.#silenceMs + AFTER_SLEEP_MS;
  }

  #beat(): void {
    const { clock, work, checks } = this.#deps;
    this.#beatOwedSince ??= clock.monotonic();
    this.send({
      type: 'heartbeat',
      time: clock.now(),
      ...work.load(),
      checks: checks(),
      operations: work.unfinished(),
      delivering: work.delivering(),
      accepting: work.accepting(),
    });
  }

  #heard(): void {
    this.#heardAt = this.#deps.clock.monotonic();
  }

  #watch(): void {
    this.#deps.onPulse();
    const now = this.#deps.clock.monotonic();
    if (now - this.#heardAt > this.#silenceMs) {
      this.#lose(silent('The coordinator has been silent for too long.'), CLOSE.silent);
      return;
    }
    // What it says may come through while what we say does not: then it is silent for us, whatever else it sends.
    const stuckSince = Math.min(this.#unsentSince ?? now, this.#beatOwedSince ?? now);
    if (now - stuckSince > this.#silenceMs) {
      this.#lose(silent('The coordinator takes nothing any more.'), CLOSE.silent);
    }
  }

  #write(data: string | Uint8Array, left?: () => void): void {
    if (this.#over || !this.#link.isOpen) {
      left?.();
      return;
    }
    this.#unsent += 1;
    this.#unsentSince ??= this.#deps.clock.monotonic();
    this.#link.send(data, () => {
      this.#unsent -= 1;
      left?.();
      // Progress restarts the deadline; it counts how long nothing at all has left, not how long the queue is.
      this.#unsentSince = this.#unsent === 0 ? null : this.#deps.clock.monotonic();
      if (this.#welcomed && this.canSend()) this.#deps.work.writable();
    });
  }

  #closed(code: number, reason: string): void {
    if (this.#leaving) {
      this.#finish({ kind: 'closed' });
    } else if (code === CLOSE.superseded) {
      this.#finish({ kind: 'rejected', code: 'session-superseded', detail: reason, todo: undefined, isProven: false });
    } else if (code === CLOSE.revoked) {
      this.#finish({ kind: 'rejected', code: 'replica-revoked', detail: reason, todo: undefined, isProven: false });
    } else if (code === CLOSE.shuttingDown) {
      this.#lose(new Error('the coordinator is stopping'));
    } else {
      this.#lose(new Error(`the connection was closed (${code}${reason === '' ? '' : `: ${reason}`})`));
    }
  }

  #lose(error: unknown, closeCode?: number): void {
    if (closeCode !== undefined && this.#link.isOpen) this.#link.close(closeCode);
    this.#finish({ kind: 'lost', error });
  }

  #finish(end: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    for (const timer of this.#timers) timer.cancel();
    this.#trial?.cancel();
    if (this.#welcomed) {
      this.#deps.work.detach();
      this.#deps.upgrades.detach();
    }
    this.#link.terminate();
    this.#end(end);
  }
}

function silent(message: string): Error {
  return Object.assign(new Error(message), message === 'ETIMEDOUT' ? { code: 'ETIMEDOUT' } : {});
}
