import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import type { Execution, ExecutionSummary } from '../../protocol/api/executions.ts';
import type { Job } from '../../protocol/api/jobs.ts';
import type { LiveEvent } from '../../protocol/api/live.ts';
import type { Project } from '../../protocol/api/projects.ts';
import type { Runner } from '../../protocol/api/runners.ts';
import { applyUpgrades } from './apply-upgrades.ts';
import { matchesExecutionFilter } from './execution-filter.ts';
import { type ExecutionFilter, executionKeys } from './execution-queries.ts';
import { jobKeys } from './job-queries.ts';
import { projectKeys } from './project-queries.ts';
import { runnerKeys } from './runner-queries.ts';
import { keepSshInstall } from './ssh-install-queries.ts';
import { tokenKeys } from './token-queries.ts';
import { trustKeys } from './trust-queries.ts';

type Of<Topic extends LiveEvent['topic']> = Extract<LiveEvent, { topic: Topic }>;
interface ExecutionPage {
  readonly items: ExecutionSummary[];
  readonly next: string | null;
  readonly total: number;
}
type ExecutionPages = InfiniteData<ExecutionPage, string | null>;

/** Patches every cached answer that a batch of live events touches: the one place where events meet caches. */
export function applyLiveEvents(client: QueryClient, events: readonly LiveEvent[]): void {
  applyRunners(
    client,
    events.filter((event) => event.topic === 'runner'),
  );
  applyCheckIns(
    client,
    events.filter((event) => event.topic === 'checkins'),
  );
  applyProjects(
    client,
    events.filter((event) => event.topic === 'project'),
  );
  applyJobs(
    client,
    events.filter((event) => event.topic === 'job'),
  );
  applyExecutions(
    client,
    events.filter((event) => event.topic === 'execution'),
  );
  applyUpgrades(
    client,
    events.filter((event) => event.topic === 'upgrade'),
  );
  applySshInstalls(
    client,
    events.filter((event) => event.topic === 'ssh-install'),
  );
  if (events.some((event) => event.topic === 'trust')) void client.invalidateQueries({ queryKey: trustKeys.all });
  if (events.some((event) => event.topic === 'token')) void client.invalidateQueries({ queryKey: tokenKeys.all });
}

/** A list with its changed items in place, new ones at the end and deleted ones gone; the same array if nothing changed. */
function patched<Item>(items: Item[], keyOf: (item: Item) => string, latest: ReadonlyMap<string, Item | null>): Item[] {
  if (latest.size === 0) return items;
  const seen = new Set<string>();
  const kept = items.flatMap((item) => {
    const key = keyOf(item);
    seen.add(key);
    const change = latest.get(key);
    if (change === undefined) return [item];
    return change === null ? [] : [change];
  });
  for (const [key, item] of latest) if (item !== null && !seen.has(key)) kept.push(item);
  return kept;
}

function applyRunners(client: QueryClient, events: Of<'runner'>[]): void {
  if (events.length === 0) return;
  const latest = new Map<string, Runner | null>();
  let namesOrTagsMayDiffer = false;
  const before = new Map(client.getQueryData<Runner[]>(runnerKeys.list)?.map((runner) => [runner.id, runner]));
  for (const event of events) {
    const runner = event.action === 'deleted' ? null : event.runner;
    latest.set(event.id, runner);
    const old = before.get(event.id);
    if (!old || !runner || old.name !== runner.name || old.tags.join('\n') !== runner.tags.join('\n')) {
      namesOrTagsMayDiffer = true;
    }
    if (runner !== null) client.setQueryData<Runner>(runnerKeys.detail(event.id), (cached) => cached && runner);
    else void client.invalidateQueries({ queryKey: runnerKeys.detail(event.id) });
  }
  client.setQueryData<Runner[]>(runnerKeys.list, (list) => list && patched(list, (runner) => runner.id, latest));
  if (namesOrTagsMayDiffer) {
    void client.invalidateQueries({ queryKey: runnerKeys.names });
    void client.invalidateQueries({ queryKey: runnerKeys.tags });
  }
}

/** When replicas were last heard of: nothing else of their Runners changes. */
function applyCheckIns(client: QueryClient, events: Of<'checkins'>[]): void {
  if (events.length === 0) return;
  const seen = new Map(events.flatMap((event) => Object.entries(event.seen)));
  const heard = (runner: Runner): Runner => {
    if (!runner.replicas.some(({ id }) => seen.has(id))) return runner;
    const replicas = runner.replicas.map((replica) => ({
      ...replica,
      lastSeen: seen.get(replica.id) ?? replica.lastSeen,
    }));
    // All times are written by one hand in one form: they sort as text.
    const lastCheckin = replicas.reduce(
      (last, { lastSeen }) => (lastSeen !== null && lastSeen > last ? lastSeen : last),
      '',
    );
    return { ...runner, replicas, lastCheckin: lastCheckin === '' ? runner.lastCheckin : lastCheckin };
  };
  client.setQueryData<Runner[]>(runnerKeys.list, (list) => list?.map(heard));
  client.setQueriesData<Runner>({ queryKey: runnerKeys.details }, (runner) => runner && heard(runner));
}

function applyProjects(client: QueryClient, events: Of<'project'>[]): void {
  const latest = new Map<string, Project | null>();
  for (const event of events) {
    const project = event.action === 'deleted' ? null : event.project;
    latest.set(event.id, project);
    if (project !== null) client.setQueryData<Project>(projectKeys.detail(event.id), (cached) => cached && project);
    else void client.invalidateQueries({ queryKey: projectKeys.detail(event.id) });
  }
  client.setQueryData<Project[]>(projectKeys.list, (list) => list && patched(list, (project) => project.name, latest));
}

function applyJobs(client: QueryClient, events: Of<'job'>[]): void {
  for (const event of events) {
    const job = event.action === 'deleted' ? null : event.job;
    if (job === null) {
      void client.invalidateQueries({ queryKey: jobKeys.detail(event.id) });
      client.setQueriesData<Job[]>({ queryKey: jobKeys.lists }, (list) => list?.filter(({ id }) => id !== event.id));
      continue;
    }
    client.setQueryData<Job>(jobKeys.detail(event.id), (cached) => cached && job);
    client.setQueryData<Job[]>(jobKeys.list(job.project), (list) => {
      return list && patched(list, ({ id }) => id, new Map([[job.id, job]]));
    });
  }
}

function applyExecutions(client: QueryClient, events: Of<'execution'>[]): void {
  if (events.length === 0) return;
  const latest = new Map<string, Execution>();
  for (const event of events) latest.set(event.id, event.execution);
  for (const [id, execution] of latest) {
    client.setQueryData<Execution>(executionKeys.detail(id), (cached) => cached && execution);
    void client.invalidateQueries({ queryKey: executionKeys.waiting(id) });
  }
  for (const query of client.getQueryCache().findAll({ queryKey: executionKeys.lists })) {
    const filter = query.queryKey[2] as ExecutionFilter;
    // Only the coordinator knows what its search finds.
    if (filter.search !== undefined && filter.search !== '')
      void client.invalidateQueries({ queryKey: query.queryKey });
    else client.setQueryData<ExecutionPages>(query.queryKey, (data) => data && withExecutions(data, filter, latest));
  }
}

function applySshInstalls(client: QueryClient, events: Of<'ssh-install'>[]): void {
  for (const { install } of events) keepSshInstall(client, install);
}

/** The pages with changed executions in place, those that no longer fit gone, and new ones where their number puts them. */
function withExecutions(
  data: ExecutionPages,
  filter: ExecutionFilter,
  latest: ReadonlyMap<string, Execution>,
): ExecutionPages {
  let removed = 0;
  const seen = new Set<string>();
  const pages = data.pages.map((page) => {
    const items = page.items.flatMap((item): ExecutionSummary[] => {
      seen.add(item.id);
      const change = latest.get(item.id);
      if (change === undefined) return [item];
      if (matchesExecutionFilter(change, filter)) return [change];
      removed++;
      return [];
    });
    return { ...page, items };
  });
  const added = [...latest.values()].filter((one) => !seen.has(one.id) && matchesExecutionFilter(one, filter));
  const [first, ...others] = pages;
  if (first === undefined) return data;
  // An old one beyond the first page is left to that page's own reading; new ones have the highest numbers.
  const lowest = first.next === null ? Number.NEGATIVE_INFINITY : (first.items.at(-1)?.number ?? 0);
  const fitting = added.filter((one) => one.number > lowest);
  const merged = [...first.items, ...fitting].sort((a, b) => b.number - a.number);
  const total = first.total - removed + added.length;
  return { ...data, pages: [{ ...first, items: merged }, ...others].map((page) => ({ ...page, total })) };
}
