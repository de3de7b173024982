import { expect, test } from 'vitest';
import type { Execution } from '../../protocol/api/executions.ts';
import type { Runner } from '../../protocol/api/runners.ts';
import { sampleRunner } from '../runners/sample-runner.ts';
import { applyLiveEvents } from './apply-live-event.ts';
import { type ExecutionFilter, executionKeys } from './execution-queries.ts';
import { createQueryClient } from './query-client.ts';
import { runnerKeys } from './runner-queries.ts';

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

function execution(number: number, change: Partial<Execution> = {}): Execution {
  return {
    id: id(number),
    number,
    project: 'Welcome',
    kind: 'job',
    job: { id: id(900), name: 'System facts' },
    title: 'System facts',
    state: 'running',
    reason: '',
    user: 'owner',
    priority: 0,
    createdAt: '2026-11-23T20:00:00.000Z',
    startedAt: null,
    endedAt: null,
    runner: null,
    replica: null,
    runnerTags: [],
    options: {},
    steps: [],
    keepGoing: false,
    timeoutSeconds: 0,
    outputLimit: { bytes: 0, lines: 0, action: 'truncate' },
    operation: { id: id(800 + number), attempt: 1, state: 'pending' },
    survivors: [],
    notes: [],
    output: { bytes: 0, records: 0, complete: false },
    ...change,
  };
}

const updated = (one: Execution) => ({ topic: 'execution', action: 'updated', id: one.id, execution: one }) as const;

/** A client with one cached list of executions, and how that list reads after events. */
function withList(filter: ExecutionFilter, items: Execution[], next: string | null = null) {
  const client = createQueryClient();
  const key = executionKeys.list(filter);
  client.setQueryData(key, { pages: [{ items, next, total: items.length }], pageParams: [null] });
  const read = () => client.getQueryData<{ pages: { items: Execution[]; total: number }[] }>(key)?.pages[0];
  return { client, numbers: () => read()?.items.map(({ number }) => number), total: () => read()?.total, read };
}

test('a Runner that changed is put in its place, a new one is added, a deleted one goes', () => {
  const client = createQueryClient();
  const [a, b] = [sampleRunner({ name: 'a' }), sampleRunner({ name: 'b' })];
  client.setQueryData<Runner[]>(runnerKeys.list, [a, b]);
  client.setQueryData<Runner>(runnerKeys.detail(a.id), a);
  const changed = { ...a, status: 'Healthy' as const };
  const c = sampleRunner({ name: 'c' });
  applyLiveEvents(client, [
    { topic: 'runner', action: 'updated', id: a.id, runner: changed },
    { topic: 'runner', action: 'created', id: c.id, runner: c },
    { topic: 'runner', action: 'deleted', id: b.id },
  ]);
  expect(client.getQueryData(runnerKeys.list)).toEqual([changed, c]);
  expect(client.getQueryData(runnerKeys.detail(a.id))).toEqual(changed);
});

test('of several events about one Runner the last counts', () => {
  const client = createQueryClient();
  const a = sampleRunner();
  client.setQueryData<Runner[]>(runnerKeys.list, []);
  applyLiveEvents(client, [
    { topic: 'runner', action: 'created', id: a.id, runner: a },
    { topic: 'runner', action: 'deleted', id: a.id },
  ]);
  expect(client.getQueryData(runnerKeys.list)).toEqual([]);
});

test('what nobody has read is not made up from events', () => {
  const client = createQueryClient();
  const a = sampleRunner();
  applyLiveEvents(client, [{ topic: 'runner', action: 'updated', id: a.id, runner: a }]);
  expect(client.getQueryData(runnerKeys.list)).toBeUndefined();
  expect(client.getQueryData(runnerKeys.detail(a.id))).toBeUndefined();
});

test('a new execution stands first, and counts', () => {
  const list = withList({ project: 'Welcome' }, [execution(2), execution(1)]);
  applyLiveEvents(list.client, [updated(execution(3))]);
  expect(list.numbers()).toEqual([3, 2, 1]);
  expect(list.total()).toBe(3);
});

test('an execution that no longer fits the filter leaves the list', () => {
  const list = withList({ state: 'active' }, [execution(2), execution(1)]);
  applyLiveEvents(list.client, [updated(execution(1, { state: 'succeeded' }))]);
  expect(list.numbers()).toEqual([2]);
  expect(list.total()).toBe(1);
});

test('executions of another project stay out', () => {
  const list = withList({ project: 'Welcome' }, [execution(1)]);
  applyLiveEvents(list.client, [updated(execution(2, { project: 'payments' }))]);
  expect(list.numbers()).toEqual([1]);
});

test('an old execution beyond the page that was read is left to its own page', () => {
  const list = withList({}, [execution(9), execution(8)], 'more');
  applyLiveEvents(list.client, [updated(execution(3))]);
  expect(list.numbers()).toEqual([9, 8]);
});

test('a list with a search is read again: only the coordinator knows what it finds', () => {
  const list = withList({ search: 'facts' }, [execution(1)]);
  applyLiveEvents(list.client, [updated(execution(2))]);
  expect(list.numbers()).toEqual([1]);
  expect(list.client.getQueryState(executionKeys.list({ search: 'facts' }))?.isInvalidated).toBe(true);
});
