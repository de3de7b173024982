import { expect, test } from 'vitest';
import { adHocOf } from '../activity/ad-hoc-of.ts';
import { adHocRequest, draftOfAdHoc, EMPTY_COMMAND } from './command-draft.ts';

test('a request gives its draft back, and the draft its request', () => {
  const script = {
    ...EMPTY_COMMAND,
    type: 'script' as const,
    script: 'print(1)',
    interpreter: 'python3',
    runnerTags: ['a'],
    priority: 7,
    outputLimit: { bytes: 1000, lines: 0, action: 'stop' as const },
  };
  expect(draftOfAdHoc(adHocRequest(script))).toEqual(script);
  expect(adHocRequest({ ...script, type: 'command', command: 'uptime' })).toEqual({
    command: 'uptime',
    interpreter: 'python3',
    runnerTags: ['a'],
    timeoutSeconds: 0,
    priority: 7,
    outputLimit: { bytes: 1000, lines: 0, action: 'stop' },
  });
});

test('what an execution ran can be run again; a job cannot be run that way', () => {
  const execution = {
    job: null,
    runnerTags: ['linux'],
    timeoutSeconds: 5,
    workflow: {
      keepGoing: false,
      timeoutSeconds: 5,
      steps: [{ type: 'command', command: 'uptime', label: '', interpreter: 'sh' }],
    },
  } as unknown as Parameters<typeof adHocOf>[0];
  expect(adHocOf(execution)).toEqual({
    command: 'uptime',
    interpreter: 'sh',
    runnerTags: ['linux'],
    timeoutSeconds: 5,
  });
  expect(adHocOf({ ...execution, job: { id: 'x', name: 'y' } })).toBeNull();
  expect(adHocOf({ ...execution, workflow: undefined })).toBeNull();
});
