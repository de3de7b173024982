import type { Clock, Timer } from '../../protocol/clock.ts';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { type AgentExit, exitCodeOfRefusal, exitOfRefusal } from '../agent-exit.ts';
import type { Log } from '../log.ts';
import { backOffMs, strangerBackOffMs, supersededBackOffMs } from './back-off.ts';
import { explainFailure, isCertificateProblem, mayBeWebSocketAlone } from './explain-failure.ts';
import type { OpenLink } from './link.ts';
import { PollingLink } from './polling-link.ts';
import { readChallenge } from './read-challenge.ts';
import { Session, type SessionDeps, type SessionEnd } from './session.ts';
import type { SessionTrust } from './session-link.ts';
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

/** What a connection needs of whoever knows the keys and authorities that are believed. */
export interface ConnectionTrust extends SessionTrust {
  /** Looks for an announcement, whatever the certificate. null: it is worth to connect again; else why not. `stop` ends it. */
  consult(stop: AbortSignal): Promise<string | null>;
}

export interface ConnectionDeps extends Omit<SessionDeps, 'onWelcome' | 'onPulse' | 'open' | 'via'> {
  readonly trust: ConnectionTrust;
  readonly random: () => number;
  readonly onState: (state: ConnectionState) => void;
}

/**
 * Keeps a session open for ever: opens, and opens again after a wait with full jitter. Ends only when {@link stop} is
 * called, or with an AgentExit when the coordinator proves to be the one that is believed, and refuses this identity for good.
 */
export class Connection {
  readonly #deps: ConnectionDeps;
  readonly #clock: Clock;
  readonly #log: Log;
  #session: Session | null = null;
  #stopped = false;
  readonly #stopping = new AbortController();
  #failures = 0;
  #wake: (() => void) | null = null;
  /** It was said that WebSocket does not get through. */
  #saidPolling = false;
  /** It was said since the last welcome that the certificate is not taken. */
  #saidCertificate = false;
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
    this.#stopping.abort();
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
        this.#saidCertificate = false;
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
      const detail = `${transport.origin.host} does not hold a key of the coordinator that this Runner belongs to.`;
      disconnected(detail);
      return this.#waitForOther(exitOfRefusal('coordinator-not-trusted', detail));
    }
    if (end.kind === 'rejected') {
      const exit = exitOfRefusal(end.code, end.detail, end.todo);
      disconnected(exit.line);
      // A coordinator that speaks another version is upgraded, or goes back, in its own time: who gave up would be lost then.
      const exitCode = exitCodeOfRefusal(end.code);
      if (exitCode !== null && exitCode !== AGENT_EXIT.protocolUnsupported) {
        if (end.isProven) throw exit;
        return this.#waitForOther(exit);
      }
      const wait = end.code === 'session-superseded' ? supersededBackOffMs(random) : this.#nextWait();
      this.#log.warn(exit.line, { retryInMs: wait });
      return wait;
    }
    const { detail, todo } = explainFailure(end.error, transport);
    disconnected(detail);
    let found = '';
    if (isCertificateProblem(end.error)) {
      this.#watchdog?.expectWithin(CONNECT_DEADLINE_MS + HANG_MS);
      const why = await this.#deps.trust.consult(this.#stopping.signal);
      if (this.#stopped) return 0;
      if (why === null) {
        this.#log.info(`${detail} What the coordinator has announced since then is believed, and it is tried again.`);
        return 0;
      }
      found = this.#saidCertificate ? '' : `${why} `;
      this.#saidCertificate = true;
    }
    const blocked = mayBeWebSocketAlone(end.error) ? detail : null;
    if (this.#choice.ended({ welcomed: wasWelcome, steady, blocked })) return 0;
    const wait = this.#nextWait();
    // The first failure in a row explains itself; the ones that follow are short, or a night offline fills the disk.
    if (wasWelcome) this.#log.warn(`The connection is gone: ${detail}`, { retryInMs: wait });
    else if (this.#failures === 1 || found !== '') this.#log.warn(`${detail} ${found}${todo}`, { retryInMs: wait });
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

  /**
   * Whoever answered does not prove to be the coordinator, and so cannot end this agent: a wrong answer of a name server, or a
   * stranger on the way, may be gone tomorrow.
   */
  #waitForOther(exit: AgentExit): number {
    this.#failures += 1;
    const wait = strangerBackOffMs(this.#failures, this.#deps.random);
    if (Number.isInteger(Math.log2(this.#failures))) {
      const host = this.#deps.transport.origin.host;
      this.#log.warn(`${host} does not prove to be the coordinator, and is asked again. It says: ${exit.line}`, {
        tries: this.#failures,
        retryInMs: wait,
      });
    }
    return wait;
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
