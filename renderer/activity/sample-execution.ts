import { type Execution, ExecutionSchema } from '../../protocol/api/executions.ts';

let made = 0;
const TIME = '2026-11-23T20:15:00.000Z';

/** An execution for tests, changed where the test says so. */
export function sampleExecution(change: Partial<Execution> = {}): Execution {
  made += 1;
  const id = `00000000-0000-4000-9000-${String(made).padStart(12, '0')}`;
  return ExecutionSchema.parse({
    id,
    number: made,
    project: 'Welcome',
    kind: 'job',
    job: { id: '00000000-0000-4000-8000-000000000001', name: 'Disk usage' },
    title: 'Disk usage',
    state: 'queued',
    reason: '',
    user: 'ann',
    priority: 0,
    createdAt: TIME,
    startedAt: null,
    endedAt: null,
    runner: null,
    replica: null,
    runnerTags: ['linux'],
    options: { path: '/srv' },
    steps: [
      {
        index: 0,
        type: 'command',
        label: 'Look',
        state: 'waiting',
        startedAt: null,
        endedAt: null,
        exitCode: null,
        signal: null,
        reason: null,
        detail: '',
      },
    ],
    keepGoing: false,
    timeoutSeconds: 0,
    outputLimit: {},
    operation: { id, attempt: 1, state: 'pending' },
    survivors: [],
    notes: [],
    output: { bytes: 0, records: 0, complete: false },
    ...change,
  });
}
