import type { Logger } from 'pino';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Live } from '../live/live.ts';
import type { Store } from '../store/store.ts';
import { findJob } from './change-jobs.ts';
import { jobView } from './job-view.ts';

/** A job that runs many times a second is told about once in this time. */
const BETWEEN_MS = 1_000;

/** Tells consoles that the history of a job has grown. */
export class JobAnnouncer {
  readonly #deps: { store: Store; clock: Clock; live: Live; log: Logger };
  readonly #waiting = new Map<string, Timer>();

  constructor(deps: { store: Store; clock: Clock; live: Live; log: Logger }) {
    this.#deps = deps;
  }

  /** An execution of this job is over. */
  ran(jobId: string): void {
    const { clock, live, log } = this.#deps;
    if (!live.heard || this.#waiting.has(jobId)) return;
    const timer = clock.after(BETWEEN_MS, () => {
      this.#waiting.delete(jobId);
      this.#publish(jobId).catch((error) => log.error({ err: error, job: jobId }, 'a job could not be announced'));
    });
    this.#waiting.set(jobId, timer);
  }

  stop(): void {
    for (const timer of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }

  async #publish(jobId: string): Promise<void> {
    const { live, store } = this.#deps;
    try {
      const { row, project } = await findJob(store.read, jobId);
      live.publish({ topic: 'job', action: 'updated', id: jobId, job: await jobView(store.read, project, row) });
    } catch (error) {
      // Deleted meanwhile: consoles have been told so already.
      if (!(error instanceof OutrunnerError && error.code === 'not-found')) throw error;
    }
  }
}
