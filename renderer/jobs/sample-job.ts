import { type Job, JobSchema } from '../../protocol/api/jobs.ts';

let made = 0;

/** A job for tests. */
export function sampleJob(change: Partial<Job> = {}): Job {
  made += 1;
  return JobSchema.parse({
    id: `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`,
    project: 'welcome',
    name: 'Disk usage',
    group: 'system',
    description: 'Shows how full the disks are.',
    options: [{ name: 'path', description: 'Where to look', value: '/', required: true }],
    workflow: {
      keepGoing: true,
      timeoutSeconds: 60,
      steps: [
        { type: 'command', label: 'Look', command: 'df -h' },
        { type: 'script', label: '', script: 'echo "$1"\n', arguments: ['a b', ''], interpreter: 'bash' },
      ],
    },
    runnerTags: ['linux'],
    version: 1,
    createdAt: '2026-11-23T20:15:00.000Z',
    updatedAt: '2026-11-23T20:15:00.000Z',
    lastExecution: null,
    averageSeconds: null,
    successRate: null,
    ...change,
  });
}
