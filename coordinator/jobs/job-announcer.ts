import type { Timer } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Executions } from '../executions/executions.ts';
import type { Live } from '../live/live.ts';
import type { Store } from '../store/store.ts';
import { findJob } from './change-jobs.ts';
import { jobView } from './job-view.ts';

/** A job that runs many times a second is told about once in this time. */
const BETWEEN_MS = 1_000;

/** Tells consoles that the history of a job has grown, whenever one of its executions is over. */
export function announceHistories(deps: { readonly store: Store; readonly live: Live }, executions: Executions): void {
  const { store, live } = deps;
  const { clock, log } = executions;
  const waiting = new Map<string, Timer>();

  async function publish(jobId: string): Promise<void> {
    try {
      const { row, project } = await findJob(store.read, jobId);
      live.publish({ topic: 'job', action: 'updated', id: jobId, job: await jobView(store.read, project, row) });
    } catch (error) {
      // Deleted meanwhile: consoles have been told so already.
      if (!(error instanceof OutrunnerError && error.code === 'not-found')) throw error;
    }
  }

  executions.onOver(({ row: { job_id: jobId } }) => {
    if (jobId === null || !live.heard || waiting.has(jobId) || executions.stopping.aborted) return;
    const timer = clock.after(BETWEEN_MS, () => {
      waiting.delete(jobId);
      publish(jobId).catch((error) => log.error({ err: error, job: jobId }, 'a job could not be announced'));
    });
    waiting.set(jobId, timer);
  });
  executions.stopping.addEventListener('abort', () => {
    for (const timer of waiting.values()) timer.cancel();
    waiting.clear();
  });
}
