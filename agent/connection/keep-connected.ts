import type { Clock, Timer } from '../../protocol/clock.ts';
import { exitCodeOfRefusal, exitOfRefusal } from '../agent-exit.ts';
import type { Log } from '../log.ts';
import { backOffMs, supersededBackOffMs } from './back-off.ts';
import { explainFailure } from './explain-failure.ts';
import { Session, type SessionDeps } from './session.ts';

/** A session that lived this long shows that the other end is well: the next wait is short again. */
const STEADY_MS = 5_000;
/** After a welcome that did not last, at most so many failures count: the other end is there, if shakily. Waits below 4 s. */
const SHAKY_FAILURES = 3;

export interface ConnectionState {
  readonly connected: boolean;
  /** Since when, milliseconds since the epoch. */
  readonly since: number;
  readonly lastError: string | null;
}

export interface ConnectionDeps extends Omit<SessionDeps, 'onWelcome'> {
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

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#log = deps.log;
  }

  /** Resolves after {@link stop}; rejects with the reason when it makes no sense to go on. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const wait = await this.#oneSession();
      if (this.#stopped) return;
      await this.#sleep(wait);
    }
  }

  /** Says good-bye, closes, and lets {@link run} return. */
  async stop(reason: string): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    await this.#session?.leave(reason);
  }

  /** Runs one session to its end and says how long to wait before the next, in milliseconds. */
  async #oneSession(): Promise<number> {
    const { transport, onState, random } = this.#deps;
    let welcomedAt: number | null = null;
    const session = new Session({
      ...this.#deps,
      onWelcome: () => {
        welcomedAt = this.#clock.monotonic();
        this.#log.info(
          `Connected to ${transport.origin.host}.`,
          transport.proxyShown ? { proxy: transport.proxyShown } : {},
        );
        onState({ connected: true, since: this.#clock.now(), lastError: null });
      },
    });
    this.#session = session;
    const end = await session.ended;
    this.#session = null;
    const wasWelcome = welcomedAt !== null;
    if (welcomedAt !== null) {
      const steady = this.#clock.monotonic() - welcomedAt >= STEADY_MS;
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
      if (exitCodeOfRefusal(end.code) !== null) throw exit;
      const wait = end.code === 'session-superseded' ? supersededBackOffMs(random) : this.#nextWait();
      this.#log.warn(exit.line, { retryInMs: wait });
      return wait;
    }
    const { detail, todo } = explainFailure(end.error, transport);
    disconnected(detail);
    const wait = this.#nextWait();
    // The first failure in a row explains itself; the ones that follow are short, or a night offline fills the disk.
    if (wasWelcome) this.#log.warn(`The connection is gone: ${detail}`, { retryInMs: wait });
    else if (this.#failures === 1) this.#log.warn(`${detail} ${todo}`, { retryInMs: wait });
    else if (Number.isInteger(Math.log2(this.#failures))) {
      this.#log.warn(`Still not connected: ${detail}`, { tries: this.#failures, retryInMs: wait });
    }
    return wait;
  }

  #nextWait(): number {
    this.#failures += 1;
    return backOffMs(this.#failures, this.#deps.random);
  }

  async #sleep(ms: number): Promise<void> {
    let timer: Timer | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = this.#clock.after(ms, resolve);
    });
    this.#wake = null;
    timer?.cancel();
  }
}
