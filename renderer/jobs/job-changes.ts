import type { Job } from '../../protocol/api/jobs.ts';

type Part = [name: string, of: (job: Job) => unknown];

/** The parts of a job as its editor calls them. */
const PARTS: readonly Part[] = [
  ['Name', (job) => job.name],
  ['Group', (job) => job.group],
  ['Description', (job) => job.description],
  ['Workflow', (job) => job.workflow.steps],
  ['Options', (job) => job.options],
  ['Runners', (job) => job.runnerTags],
  ['Priority', (job) => job.priority],
  ['Waiting time', (job) => job.queueSeconds],
  ['Keep going', (job) => job.workflow.keepGoing],
  ['Timeout', (job) => job.workflow.timeoutSeconds],
  ['Lost after', (job) => job.leaseSeconds],
  ['Output limit', (job) => job.outputLimit],
  ['Grace', (job) => job.graceSeconds],
];

/** What two versions of a job differ in, by the names that the editor has for it. */
export function changedParts(before: Job, after: Job): string[] {
  return PARTS.filter(([, of]) => JSON.stringify(of(before)) !== JSON.stringify(of(after))).map(([name]) => name);
}
