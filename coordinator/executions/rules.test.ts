import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { TERMINAL_STATES } from '../../protocol/execution-state.ts';
import { JournalWriter } from '../testing/journal-records.ts';
import { commands } from '../testing/test-coordinator.ts';
import { applyEvent, closeSteps, forgetEvents } from './apply-event.ts';
import { leaseAfterStart } from './deadlines.ts';
import { ExecutionRecord, type ExecutionRow } from './execution-record.ts';
import { PendingQueue } from './pending-queue.ts';
import { waitedReason, withSurvivors } from './reasons.ts';

const NOW = 1_800_000_000_000;

function record(change: Partial<ExecutionRow> = {}, lines = 3): ExecutionRecord {
  const workflow = commands(...Array.from({ length: lines }, (_, index) => `echo ${index}`));
  const id = crypto.randomUUID();
  const row: ExecutionRow = {
    id,
    number: 1,
    project_id: 'p',
    project_name: 'p',
    kind: 'command',
    job_id: null,
    job_name: null,
    title: '',
    state: 'running',
    reason: '',
    user_id: 'u',
    user_name: 'u',
    created_at: NOW,
    started_at: NOW,
    ended_at: null,
    runner_id: null,
    runner_name: null,
    replica_id: null,
    replica_hostname: null,
    runner_tags: '[]',
    options: '{}',
    workflow: JSON.stringify(workflow),
    priority: 0,
    output_limit: '{}',
    queue_deadline: NOW + 1000,
    lease_seconds: 600,
    grace_seconds: 10,
    survivors: '[]',
    notes: '[]',
    cancel_asked_at: null,
    cancel_reason: null,
    ...change,
  };
  const steps = workflow.steps.map((step, position) => ({
    execution_id: id,
    position,
    type: step.type,
    label: '',
    state: 'waiting' as const,
    started_at: null,
    ended_at: null,
    exit_code: null,
    signal: null,
    reason: null,
    detail: '',
  }));
  const none = { runner_id: null, replica_id: null, offered_at: null, accepted_at: null, ended_at: null };
  const sizes = { lease_until: null, journal_bytes: null, journal_records: null };
  const operation = {
    id: crypto.randomUUID(),
    execution_id: id,
    attempt: 1,
    state: 'started' as const,
    created_at: NOW,
  };
  return new ExecutionRecord(row, steps, { ...operation, ...none, ...sizes }, '');
}

const journalOf = (one: ExecutionRecord) =>
  new JournalWriter({ operation: one.operation.id, attempt: 1 }, () => NOW + 5);

describe('journal records and steps', () => {
  it('give the same steps when a journal is applied again from its start, wherever it was left', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(255), { minLength: 3, maxLength: 3 }), fc.nat(8), (codes, left) => {
        const one = record();
        const journal = journalOf(one);
        const events = [journal.started()];
        for (const [step, code] of codes.entries())
          events.push(journal.stepStarted(step), journal.stepFinished(step, code));
        const end = journal.finished(codes.every((code) => code === 0) ? 'succeeded' : 'failed');
        for (const event of events) applyEvent(one, event, 0, NOW + 9);
        const expected = structuredClone(one.steps);
        for (const event of events.slice(0, left)) applyEvent(one, event, 0, NOW + 9);
        forgetEvents(one);
        for (const event of events) expect(applyEvent(one, event, 0, NOW + 9)).toBeNull();
        expect(one.steps).toEqual(expected);
        expect(applyEvent(one, end, 0, NOW + 9)).toMatchObject({ at: NOW + 5 });
      }),
    );
  });

  it('never fail on a record, whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('started', 'step-started', 'step-finished', 'finished', 'mark', 'data'),
        fc.nat(0xffff),
        fc.double(),
        fc.double(),
        fc.uint8Array(),
        (kind, step, time, skew, payload) => {
          const one = record();
          const event = { kind, stream: 'none', step, node: 0, number: 0, time, payload } as const;
          const end = applyEvent(one, event, skew, NOW + 9);
          expect(end !== null).toBe(kind === 'finished');
          for (const { started_at: at } of one.steps) expect(at === null || Number.isSafeInteger(at)).toBe(true);
        },
      ),
    );
  });

  it('are closed with their execution: none stays running or waiting', () => {
    for (const state of TERMINAL_STATES) {
      const one = record();
      applyEvent(one, journalOf(one).stepStarted(1), 0, NOW);
      one.moveTo({ execution: state, operation: 'ended', attempt: 1 });
      closeSteps(one, NOW);
      expect(one.steps.map((step) => step.state)).not.toContain('running');
      expect(one.steps.map((step) => step.state)).not.toContain('waiting');
      expect(one.steps[1]?.state).toBe(state === 'succeeded' ? 'failed' : state);
    }
  });
});

const isBefore = ({ row: a }: ExecutionRecord, { row: b }: ExecutionRecord) =>
  a.priority > b.priority || (a.priority === b.priority && a.number < b.number);

describe('the queue', () => {
  it('gives out the highest priority first, then the oldest, over all lanes, in whatever order they came', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(1000), { maxLength: 40 }),
        fc.array(fc.constantFrom('a', 'b'), { minLength: 40, maxLength: 40 }),
        fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 40, maxLength: 40 }),
        (numbers, tags, priorities) => {
          const queue = new PendingQueue();
          const records = numbers.map((number, index) =>
            record({ number, runner_tags: JSON.stringify([tags[index]]), priority: priorities[index] ?? 0 }, 1),
          );
          for (const one of records) queue.add(one);
          for (const one of records) {
            const before = records.filter((other) => other.lane === one.lane && isBefore(other, one));
            expect(queue.ahead(one)).toBe(before.length);
          }
          const given: ExecutionRecord[] = [];
          for (let next = queue.first(new Set()); next !== null; next = queue.first(new Set())) {
            given.push(next.record);
            queue.remove(next.record);
          }
          expect(given).toEqual(records.toSorted((a, b) => (isBefore(a, b) ? -1 : 1)));
          expect(queue.isEmpty).toBe(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('looks past a lane for which there is no Runner', () => {
    const queue = new PendingQueue();
    const [first, second, third] = [
      record({ number: 1, runner_tags: '["GPU"]' }),
      record({ number: 2, runner_tags: '["gpu"]' }),
      record({ number: 3 }),
    ];
    for (const one of [first, second, third]) if (one) queue.add(one);
    const blocked = new Set([queue.first(new Set())?.lane ?? '']);
    expect(queue.first(blocked)?.record).toBe(third);
  });
});

describe('a lease after a start', () => {
  it('goes on where it was, but never ends within the time that agents get to come back', () => {
    const clock = manualClock(NOW);
    const one = record();
    one.changeOperation({ lease_until: NOW + 500_000 });
    expect(leaseAfterStart(clock, one, null)).toBe(500_000);
    expect(leaseAfterStart(clock, one, NOW - 10_000)).toBe(590_000);
    one.changeOperation({ lease_until: NOW - 1 });
    expect(leaseAfterStart(clock, one, NOW - 900_000)).toBe(120_000);
    const short = record({ lease_seconds: 30 });
    expect(leaseAfterStart(clock, short, null)).toBe(30_000);
    // A table that was written while the clock ran ahead promises no more than one lease.
    one.changeOperation({ lease_until: NOW + 9e9 });
    expect(leaseAfterStart(clock, one, null)).toBe(600_000);
  });
});

describe('reasons', () => {
  it('name survivors, a few of many', () => {
    const many = Array.from({ length: 8 }, (_, pid) => ({ pid, command: 'x' }));
    expect(withSurvivors('It was stopped.', many)).toBe(
      'It was stopped. Could not stop: 0 (x), 1 (x), 2 (x), 3 (x), 4 (x) and 3 more.',
    );
    expect(withSurvivors('', [])).toBe('');
  });

  it('say that nobody could have taken it', () => {
    expect(waitedReason(1, [])).toBe('No Runner could take it within 1 second. No Runner is assigned to the project.');
  });
});
