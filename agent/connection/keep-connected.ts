import type { Clock, Timer } from '../../protocol/clock.ts';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { exitCodeOfRefusal, exitOfRefusal } from '../agent-exit.ts';
import type { Log } from '../log.ts';
import { backOffMs, supersededBackOffMs } from './back-off.ts';
import { explainFailure, mayBeWebSocketAlone } from './explain-failure.ts';
import type { OpenLink } from './link.ts';
import { PollingLink } from './polling-link.ts';
import { readChallenge } from './read-challenge.ts';
import { Session, type SessionDeps, type SessionEnd } from './session.ts';
import { CONNECT_DEADLINE_MS } from './transport.ts';
import { TransportChoice } from './transport-choice.ts';
import { Watchdog } from './watchdog.ts';
import { WebSocketLink } from './websocket-link.ts';

/** A session that lived this long shows that the other end is well: the next wait is short again. */
const STEADY_MS = 5_000;
/** After a welcome that did not last, at most so many failures count: the other end is there, if shakily. Waits below 4 s. */
const SHAKY_FAILURES = 3;
/** How much later than it should anything here may be heard of before it counts as hanging. */
const HANG_MS = 60_000;

export interface ConnectionState {
  readonly connected: boolean;
  /** Since when, milliseconds since the epoch. */
  readonly since: number;
  readonly lastError: string | null;
}

export interface ConnectionDeps extends Omit<SessionDeps, 'onWelcome' | 'onPulse' | 'open' | 'via'> {
  readonly random: () => number;
  readonly onState: (state: ConnectionState) => void;
}

/**
 * Keeps a session open for ever: opens, and opens again after a wait with full jitter. Ends only when {@link stop} is
 * called, or with an AgentExit when the coordinator refuses this identity for good or is not the one that is pinned.
 */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #clock: Clock;
  readonly #log: Log;
  #session: Session | null = null;
  #stopped = false;
  #failures = 0;
  #wake: (() => void) | null = null;
  /** It was said that WebSocket does not get through. */
  #saidPolling = false;
  readonly #choice: TransportChoice;
  #watchdog: Watchdog | null = null;
  #giveUp: ((end: SessionEnd) => void) | null = null;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#choice = new TransportChoice(deps.transport.setting);
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Resolves after {@link stop}; rejects with the reason when it makes no sense to go on. */
  async run(): Promise<void> {
    const watchdog = new Watchdog(this.#clock, () => this.#startAnew());
    this.#watchdog = watchdog;
    try {
      while (!this.#stopped) {
        const wait = await this.#oneSession();
        if (this.#stopped) return;
        if (wait > 0) await this.#sleep(wait);
      }
    } finally {
      watchdog.stop();
    }
  }

  /** Says good-bye, closes, and lets {@link run} return. null: without a good-bye, since it will be back in a moment. */
  async stop(reason: string | null): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#session?.leave(reason);
  }

  /** Something that must go on was not heard of for long: whatever it is, it is given up, and the next session is opened. */
  #startAnew(): void {
    this.#log.error('The connection hangs, and is opened anew.');
    const session = this.#session;
    this.#giveUp?.({ kind: 'lost', error: new Error('the session hung') });
    session?.abandon();
    this.#wake?.();
  }

  #opener(): OpenLink {
    const { transport } = this.#deps;
    if (this.#choice.current === 'polling') return (listener) => new PollingLink(this.#deps, listener);
    return (listener) => new WebSocketLink(transport, listener);
  }

  /** Runs one session to its end and says how long to wait before the next, in milliseconds. */
  async #oneSession(): Promise<number> {
    const { transport, onState, random } = this.#deps;
    const { current, reason } = this.#choice;
    let welcomedAt: number | null = null;
    let probe: Timer | null = null;
    const alive = () => this.#watchdog?.expectWithin(CONNECT_DEADLINE_MS + HANG_MS);
    alive();
    const session = new Session({
      ...this.#deps,
      open: this.#opener(),
      via: { transport: current, ...(reason === null ? {} : { transportReason: reason.slice(0, 500) }) },
      onPulse: alive,
      onWelcome: () => {
        alive();
        welcomedAt = this.#clock.monotonic();
        this.#log.info(`Connected to ${transport.origin.host}${current === 'polling' ? ' by long polling' : ''}.`, {
          ...(transport.proxyShown ? { proxy: transport.proxyShown } : {}),
        });
        this.#tellTransport();
        probe = this.#probeLater(session);
        onState({ connected: true, since: this.#clock.now(), lastError: null });
      },
    });
    this.#session = session;
    const end = await Promise.race([
      session.ended,
      new Promise<SessionEnd>((resolve) => {
        this.#giveUp = resolve;
      }),
    ]);
    (probe as Timer | null)?.cancel();
    this.#session = null;
    const wasWelcome = welcomedAt !== null;
    const steady = welcomedAt !== null && this.#clock.monotonic() - welcomedAt >= STEADY_MS;
    if (wasWelcome) {
      this.#failures = steady ? 0 : Math.min(this.#failures, SHAKY_FAILURES);
    }
    const disconnected = (lastError: string | null) =>
      onState({ connected: false, since: this.#clock.now(), lastError });
    if (end.kind === 'closed') {
      disconnected(null);
      return 0;
    }
    if (end.kind === 'not-trusted') {
      const exit = exitOfRefusal(
        'coordinator-not-trusted',
        `${transport.origin.host} does not hold the key that this Runner was made for.`,
      );
      disconnected(exit.line);
      throw exit;
    }
    if (end.kind === 'rejected') {
      const exit = exitOfRefusal(end.code, end.detail, end.todo);
      disconnected(exit.line);
      // A coordinator that speaks another version is upgraded, or goes back, in its own time: who gave up would be lost then.
      const exitCode = exitCodeOfRefusal(end.code);
      if (exitCode !== null && exitCode !== AGENT_EXIT.protocolUnsupported) throw exit;
      const wait = end.code === 'session-superseded' ? supersededBackOffMs(random) : this.#nextWait();
      this.#log.warn(exit.line, { retryInMs: wait });
      return wait;
    }
    const { detail, todo } = explainFailure(end.error, transport);
    disconnected(detail);
    const blocked = mayBeWebSocketAlone(end.error) ? detail : null;
    if (this.#choice.ended({ welcomed: wasWelcome, steady, blocked })) return 0;
    const wait = this.#nextWait();
    // The first failure in a row explains itself; the ones that follow are short, or a night offline fills the disk.
    if (wasWelcome) this.#log.warn(`The connection is gone: ${detail}`, { retryInMs: wait });
    else if (this.#failures === 1) this.#log.warn(`${detail} ${todo}`, { retryInMs: wait });
    else if (Number.isInteger(Math.log2(this.#failures))) {
      this.#log.warn(`Still not connected: ${detail}`, { tries: this.#failures, retryInMs: wait });
    }
    return wait;
  }

  /** Says once that WebSocket does not get through, and once that it does again. */
  #tellTransport(): void {
    const { reason, current, isForced } = this.#choice;
    if (current === 'polling' && !this.#saidPolling && !isForced) {
      this.#log.warn(`Long polling is used. ${reason} WebSocket is tried again from time to time.`);
    } else if (current === 'websocket' && this.#saidPolling) {
      this.#log.info('WebSocket gets through again, and is used.');
    }
    this.#saidPolling = current === 'polling';
  }

  /** Tries WebSocket beside a session that polls; when it gets through, the session makes room for one over WebSocket. */
  #probeLater(session: Session): Timer | null {
    const { transport, random } = this.#deps;
    const wait = this.#choice.nextProbeMs(random);
    if (wait === null) return null;
    let next: Timer | null = null;
    let isOver = false;
    const first = this.#clock.after(wait, () => {
      readChallenge((listener) => new WebSocketLink(transport, listener), this.#clock).then(
        () => {
          if (isOver) return;
          this.#choice.probeSucceeded();
          void session.leave(null);
        },
        () => {
          // As expected: that it is so was said when polling began.
          if (!isOver) next = this.#probeLater(session);
        },
      );
    });
    return {
      cancel() {
        isOver = true;
        first.cancel();
        next?.cancel();
      },
    };
  }

  #nextWait(): number {
    this.#failures += 1;
    return backOffMs(this.#failures, this.#deps.random);
  }

  async #sleep(ms: number): Promise<void> {
    let timer: Timer | undefined;
    this.#watchdog?.expectWithin(ms + HANG_MS);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = this.#clock.after(ms, resolve);
    });
    this.#wake = null;
    timer?.cancel();
  }
}
