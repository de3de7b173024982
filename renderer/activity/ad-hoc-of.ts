import type { z } from 'zod';
import type { Execution } from '../../protocol/api/executions.ts';
import type { AdHocSchema } from '../../protocol/api/jobs.ts';

export type AdHoc = z.input<typeof AdHocSchema>;

/** What was run, as a request that runs it again; null for a job, and when the coordinator does not say. */
export function adHocOf(execution: Execution): AdHoc | null {
  const { job, workflow, runnerTags, timeoutSeconds, priority, outputLimit } = execution;
  const step = workflow?.steps[0];
  if (job !== null || step === undefined) return null;
  const what = step.type === 'command' ? { command: step.command } : { script: step.script };
  return { ...what, interpreter: step.interpreter, runnerTags, timeoutSeconds, priority, outputLimit };
}
