import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JobInputSchema } from '../../protocol/api/jobs.ts';
import { fieldsOf } from '../../protocol/problems.ts';
import {
  draftOf,
  emptyDraft,
  errorBelow,
  errorsByPath,
  jobInputOf,
  moved,
  newOption,
  newStep,
  sameJob,
  tabOf,
} from './job-draft.ts';
import { jobRows } from './job-tree.ts';
import { sampleJob } from './sample-job.ts';

describe('the draft of a job', () => {
  test('of a job that exists gives that job back', () => {
    const job = sampleJob({ priority: 20, outputLimit: { bytes: 5_000_000, lines: 100, action: 'stop' } });
    // The schema of the input keeps what a job has beyond it out: all the rest must come back.
    const input = JobInputSchema.parse(
      Object.fromEntries(Object.keys(JobInputSchema.shape).map((key) => [key, job[key as keyof typeof job]])),
    );
    expect(JobInputSchema.parse(jobInputOf(draftOf(job)))).toEqual(input);
    expect(sameJob(draftOf(job), draftOf(job))).toBe(true);
  });

  test('changing the type of a step and back loses nothing', () => {
    const draft = emptyDraft();
    const step = { ...newStep('command'), command: 'uptime', script: 'echo', arguments: ['x'] };
    expect(jobInputOf({ ...draft, steps: [{ ...step, type: 'script' }] }).workflow.steps).toEqual([
      { type: 'script', label: '', interpreter: '', script: 'echo', arguments: ['x'] },
    ]);
    expect(jobInputOf({ ...draft, steps: [step] }).workflow.steps).toEqual([
      { type: 'command', label: '', interpreter: '', command: 'uptime' },
    ]);
  });

  test('every field that can be wrong has its tab', () => {
    const draft = {
      ...emptyDraft(),
      options: [{ ...newOption(), name: '1x' }],
      runnerTags: ['a b'],
      queueSeconds: 0,
      timeoutSeconds: -1,
      priority: Number.NaN,
      outputLimit: { bytes: 2e12, lines: 0, action: 'truncate' as const },
    };
    const checked = JobInputSchema.safeParse(jobInputOf(draft));
    const fields = checked.success ? [] : fieldsOf(checked.error);
    const tabs = Object.fromEntries(fields.map(({ path }) => [path, tabOf(path)]));
    expect(tabs).toEqual({
      name: 'details',
      'options.0.name': 'options',
      'workflow.steps.0.command': 'workflow',
      'workflow.timeoutSeconds': 'other',
      'runnerTags.0': 'runners',
      queueSeconds: 'other',
      priority: 'other',
      'outputLimit.bytes': 'other',
    });
    const errors = errorsByPath(fields);
    expect(errors.get('name')).toBe('Name is required.');
    expect(errorBelow(errors, 'runnerTags')).toMatch(/blanks/);
    expect(errorBelow(errors, 'group')).toBeUndefined();
  });

  test('moving keeps every item and puts one where it was asked', () => {
    expect(moved(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a']);
    expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b']);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.integer(),
        (items, from, to) => {
          const at = from % items.length;
          const result = moved(items, at, to);
          expect([...result].sort()).toEqual([...items].sort());
          expect(result.filter((item) => item !== items[at])).toEqual(items.filter((item) => item !== items[at]));
        },
      ),
    );
  });
});

describe('the tree of jobs', () => {
  const jobs = [
    sampleJob({ name: 'b', group: '' }),
    sampleJob({ name: 'x10', group: 'ops/disk' }),
    sampleJob({ name: 'x9', group: 'ops/disk' }),
    sampleJob({ name: 'y', group: 'ops' }),
    sampleJob({ name: 'z', group: 'apps' }),
  ];
  const shown = (closed: string[]) =>
    jobRows(jobs, new Set(closed)).map((row) =>
      row.kind === 'group'
        ? `${'·'.repeat(row.depth)}${row.name}/ ${row.jobs}`
        : `${'·'.repeat(row.depth)}${row.job.name}`,
    );

  test('has groups before jobs, both by name as people sort', () => {
    expect(shown([])).toEqual(['apps/ 1', '·z', 'ops/ 3', '·disk/ 2', '··x9', '··x10', '·y', 'b']);
  });

  test('a closed group shows only itself and how many jobs are below it', () => {
    expect(shown(['ops'])).toEqual(['apps/ 1', '·z', 'ops/ 3', 'b']);
    expect(shown(['ops/disk'])).toEqual(['apps/ 1', '·z', 'ops/ 3', '·disk/ 2', '·y', 'b']);
  });
});
