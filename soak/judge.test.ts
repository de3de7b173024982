import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Execution, ExecutionStep } from '../protocol/api/executions.ts';
import {
  encodeRecord,
  FinishedPayloadSchema,
  type JournalRecord,
  jsonPayload,
  WHOLE_OPERATION,
} from '../protocol/journal.ts';
import { type Evidence, judge } from './judge.ts';
import { expectedSteps, type Task } from './workload.ts';

type Part = Pick<JournalRecord, 'kind' | 'step' | 'stream' | 'payload'>;

const nothing = new Uint8Array(0);
const finished = (outcome: 'succeeded' | 'failed' | 'aborted'): Part => ({
  kind: 'finished',
  step: WHOLE_OPERATION,
  stream: 'none',
  payload: jsonPayload(FinishedPayloadSchema, { outcome, reason: '', survivors: [] }),
});
const started: Part = { kind: 'started', step: WHOLE_OPERATION, stream: 'none', payload: nothing };
const output = (step: number, stream: 'stdout' | 'stderr', payload: Uint8Array): Part => ({
  kind: 'output',
  step,
  stream,
  payload,
});

const journalOf = (parts: readonly Part[]) =>
  Buffer.concat(parts.map((part, number) => encodeRecord({ ...part, node: 0, number, time: 0 })));

/** A task of two steps that ran to its end, with everything in order. */
function sound(change: Partial<Execution> = {}): Evidence & { parts: Part[] } {
  const task: Task = { id: 't1', kind: 'several', lines: 3, cancelAfterMs: null };
  const steps = expectedSteps(task);
  const parts = [
    started,
    ...steps.flatMap(({ stdout, stderr }, at) => [output(at, 'stdout', stdout), output(at, 'stderr', stderr)]),
    finished('succeeded'),
  ];
  const shown: ExecutionStep[] = steps.map((_, index) => ({
    index,
    type: 'script',
    label: '',
    state: 'succeeded',
    startedAt: null,
    endedAt: null,
    exitCode: 0,
    signal: null,
    reason: 'completed',
    detail: '',
  }));
  return {
    task,
    parts,
    journal: journalOf(parts),
    runs: steps.flatMap(({ name }) => [`begin ${name}`, `end ${name}`]),
    outages: [],
    cancelled: false,
    execution: {
      id: randomUUID(),
      number: 1,
      project: 'Welcome',
      kind: 'job',
      job: null,
      title: '',
      state: 'succeeded',
      reason: '',
      user: 'owner',
      priority: 0,
      createdAt: new Date(1_000_000).toISOString(),
      startedAt: new Date(1_000_000).toISOString(),
      endedAt: new Date(1_010_000).toISOString(),
      runner: null,
      replica: null,
      runnerTags: [],
      options: {},
      steps: shown,
      keepGoing: false,
      timeoutSeconds: 0,
      outputLimit: { bytes: 0, lines: 0, action: 'truncate' },
      operation: { id: randomUUID(), attempt: 1, state: 'ended' },
      survivors: [],
      notes: [],
      output: { bytes: 0, records: 0, complete: true },
      ...change,
    },
  };
}

/** The same, cut off in its second step by the death of its agent. */
function cut(): Evidence & { parts: Part[] } {
  const whole = sound();
  const steps = expectedSteps(whole.task);
  const parts = [
    started,
    output(0, 'stdout', steps[0]?.stdout ?? nothing),
    output(0, 'stderr', steps[0]?.stderr ?? nothing),
    output(1, 'stdout', (steps[1]?.stdout ?? nothing).subarray(0, 10)),
    finished('failed'),
  ];
  const reasons = ['completed', 'agent-restarted', 'skipped', 'skipped'] as const;
  return {
    ...whole,
    parts,
    journal: journalOf(parts),
    runs: whole.runs.slice(0, 3),
    outages: [{ from: 1_005_000, to: 1_006_000 }],
    execution: {
      ...whole.execution,
      state: 'failed',
      steps: whole.execution.steps.map((step, index) => ({ ...step, reason: reasons[index] ?? null })),
    },
  };
}

describe('the judge', () => {
  it('lets pass what ended as it should, and what was cut off by the death of its agent', () => {
    expect(judge(sound())).toEqual([]);
    expect(judge(cut())).toEqual([]);
  });

  it.each<[string, Evidence, RegExp]>([
    ['that still runs', sound({ state: 'running' }), /not ended/],
    ['that was lost', sound({ state: 'lost' }), /should have succeeded/],
    ['that ran twice', { ...sound(), runs: [...sound().runs, 'begin t1.2'] }, /ran twice/],
    ['that succeeded without its last line', { ...sound(), runs: sound().runs.slice(0, -1) }, /not run to its end/],
    ['whose agent never died', { ...cut(), outages: [{ from: 5e6, to: 6e6 }] }, /agent never died/],
    ['that nobody cancelled', sound({ state: 'aborted' }), /nobody asked/],
    ['with a step after the cut', { ...cut(), runs: [...cut().runs, 'begin t1.2'] }, /it ran/],
    ['that left a process', sound({ survivors: [{ pid: 1, command: 'sleep' }] }), /outlived/],
    ['whose log is not complete', sound({ output: { bytes: 0, records: 0, complete: false } }), /not complete/],
  ])('finds one %s', (_, evidence, why) => {
    expect(judge(evidence).join('\n')).toMatch(why);
  });

  it.each<[string, (parts: Part[]) => Part[], RegExp]>([
    ['a lost piece', (parts) => parts.filter((_, at) => at !== 3), /stdout is not what it printed/],
    ['a doubled piece', (parts) => parts.toSpliced(1, 0, parts[1] as Part), /stdout is not what it printed/],
    ['a second start', (parts) => [started, ...parts], /started twice/],
    ['something after the end', (parts) => [...parts, finished('succeeded')], /not the one last record/],
    ['no end', (parts) => parts.slice(0, -1), /not the one last record/],
  ])('finds a log with %s', (_, change, why) => {
    const evidence = sound();
    expect(judge({ ...evidence, journal: journalOf(change(evidence.parts)) }).join('\n')).toMatch(why);
  });

  it('finds a log that was cut off and does not hold the start of what was printed', () => {
    const evidence = cut();
    const parts = evidence.parts.with(3, output(1, 'stdout', Buffer.from('t1.1 out 1 2')));
    expect(judge({ ...evidence, journal: journalOf(parts) }).join('\n')).toMatch(/different from byte 11/);
    expect(judge({ ...evidence, journal: evidence.journal.subarray(0, -1) }).join('\n')).toMatch(/torn/);
  });
});
