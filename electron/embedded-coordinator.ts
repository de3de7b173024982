import type { Clock } from '../protocol/clock.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import type { Target } from './api-request.ts';

/** A coordinator process that the shell started. */
export interface CoordinatorProcess {
  /** Resolves when it has ended, with its exit code. */
  readonly ended: Promise<number>;
  /** The last line that it wrote to standard error: when it cannot start, the reason for a person. */
  lastError(): string;
  /** Asks it to stop; it finishes what it does. */
  stop(): void;
  /** Ends it at once. */
  kill(): void;
}

export interface EmbeddedDeps {
  readonly clock: Clock;
  /** Address of the coordinator that runs on the data folder and answers, whoever started it; else null. */
  findRunning(): Promise<string | null>;
  start(): Promise<CoordinatorProcess>;
  signIn(url: string): Promise<Target>;
  /** Called at each change between usable and not. */
  changed(target: Target | null): void;
  report(message: string): void;
}

export interface EmbeddedCoordinator {
  /** Starts watching over it. Returns at once. */
  run(): void;
  readonly current: Target | null;
  /** Waits while it starts. @throws OutrunnerError with the reason when it cannot be started for now. */
  target(): Promise<Target>;
  /** Signs in again: the token of `refused` is not taken any more. */
  renew(refused: Target): Promise<Target>;
  /** A request found nobody: looks whether it is still there. */
  lost(): void;
  /** Stops the process if the shell started it. Resolves when it has ended, at the latest after ten seconds. */
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;
const STOP_WITHIN_MS = 10_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** One that ran this long was well: the next failure starts with the short delay again. */
const PROVEN_AFTER_MS = 60_000;

/** Delay before start number `failures` + 1. */
export function restartDelay(failures: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1));
}

/**
 * Keeps a coordinator running on the data folder of this computer. One that runs already is used and left alone; else one
 * is started, and started again with growing delays when it dies.
 */
export function superviseCoordinator(deps: EmbeddedDeps): EmbeddedCoordinator {
  const { clock } = deps;
  let current: Target | null = null;
  let failure: OutrunnerError | null = null;
  let own: CoordinatorProcess | null = null;
  let stopping = false;
  let waiters: PromiseWithResolvers<Target>[] = [];
  // Ends the present wait of the loop, whatever it is.
  let wake = Promise.withResolvers<void>();
  let finished: Promise<void> = Promise.resolve();

  const settle = (act: (waiter: PromiseWithResolvers<Target>) => void) => {
    const present = waiters;
    waiters = [];
    for (const waiter of present) act(waiter);
  };
  const become = (target: Target | null) => {
    current = target;
    if (target !== null) {
      failure = null;
      settle((waiter) => waiter.resolve(target));
    }
    deps.changed(target);
  };
  const pause = (ms: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(ms, resolve);
    return Promise.race([promise, wake.promise]).finally(() => timer.cancel());
  };

  /** Returns when the coordinator that it found or started is gone, or could not be had: then it throws. */
  async function serveOnce(): Promise<void> {
    const running = await deps.findRunning();
    if (running !== null) {
      become(await deps.signIn(running));
      await wake.promise;
      return;
    }
    const process = await deps.start();
    own = process;
    try {
      const ended = process.ended.then((code) => ({ code }));
      const url = await Promise.race([untilReady(), ended]);
      if (stopping) return;
      if (typeof url !== 'string') throw startFailure(process, url?.code);
      become(await deps.signIn(url));
      const end = await Promise.race([ended, wake.promise]);
      if (end) deps.report(`The coordinator ended with code ${end.code}. ${process.lastError()}`);
    } finally {
      if (stopping) process.stop();
      else process.kill();
      await process.ended;
      own = null;
    }
  }

  async function untilReady(): Promise<string | null> {
    const deadline = clock.monotonic() + READY_WITHIN_MS;
    while (!stopping && clock.monotonic() < deadline) {
      const url = await deps.findRunning();
      if (url !== null) return url;
      await pause(LOOK_EVERY_MS);
    }
    return null;
  }

  async function loop(): Promise<void> {
    let failures = 0;
    while (!stopping) {
      wake = Promise.withResolvers();
      const since = clock.monotonic();
      try {
        await serveOnce();
      } catch (error) {
        failure =
          error instanceof OutrunnerError ? error : new OutrunnerError('coordinator-unreachable', { cause: error });
        deps.report(`The coordinator on this computer is not available: ${failure.message}`);
      }
      if (current !== null) become(null);
      if (stopping) return;
      failures = clock.monotonic() - since >= PROVEN_AFTER_MS ? 0 : failures + 1;
      if (failure !== null) settle((waiter) => waiter.reject(failure));
      wake = Promise.withResolvers();
      if (failures > 0) await pause(restartDelay(failures));
    }
  }

  return {
    get current() {
      return current;
    },
    run() {
      finished = loop();
    },
    async target() {
      if (current !== null) return current;
      if (stopping) throw new OutrunnerError('shutting-down');
      if (failure !== null) throw failure;
      const waiter = Promise.withResolvers<Target>();
      waiters.push(waiter);
      return waiter.promise;
    },
    async renew(refused) {
      if (current !== null && current.token === refused.token) become(await deps.signIn(refused.url));
      return this.target();
    },
    lost() {
      // One of our own is watched as a process; this is for one that somebody else stopped.
      if (own !== null || current === null) return;
      void deps.findRunning().then(
        (url) => (url === null ? wake.resolve() : undefined),
        (error: unknown) => deps.report(`Looking for the coordinator failed: ${error}`),
      );
    },
    async stop() {
      stopping = true;
      settle((waiter) => waiter.reject(new OutrunnerError('shutting-down')));
      wake.resolve();
      const timer = clock.after(STOP_WITHIN_MS, () => own?.kill());
      await finished;
      timer.cancel();
    },
  };
}

function startFailure(process: CoordinatorProcess, code: number | undefined): OutrunnerError {
  const why =
    code === undefined ? `it did not answer within ${READY_WITHIN_MS / 1000} seconds` : `it ended with code ${code}`;
  return new OutrunnerError('coordinator-unreachable', {
    detail: process.lastError() || `The coordinator on this computer cannot be started: ${why}.`,
  });
}
