import type { z } from 'zod';
import type { Runner, runnerRoutes } from '../../protocol/api/runners.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import type { RunnerStatus, StatusAnswer } from '../../protocol/status.ts';
import { tagKey } from '../../protocol/tags.ts';
import { type VersionState, versionState } from '../../protocol/version-state.ts';
import { naturalKey, type Page, pageBy, type SortKey, sortOrder } from '../http/page.ts';
import type { ReplicaPresence } from '../presence.ts';
import type { RunnerRecord } from './runner-record.ts';
import { lastCheckin, loadOf, newestReplica, platformOf } from './runner-view.ts';

export type RunnerQuery = z.output<(typeof runnerRoutes.listRunners)['query']>;

export interface ListSource {
  records(): Iterable<RunnerRecord>;
  presences(runnerId: string): readonly ReplicaPresence[];
  status(runnerId: string): StatusAnswer;
  view(record: RunnerRecord): Runner;
  /** Version of the agent that is handed out; null when none is. */
  readonly handedOut: string | null;
}

/** From what is well to what is not. */
const STATUS_ORDER: Record<RunnerStatus, number> = { Healthy: 0, Busy: 1, New: 2, Unknown: 3, Unhealthy: 4, Down: 5 };

/** One page of the Runners that match all of the query. Only what is on the page is made into its full form. */
export function listRunners(source: ListSource, query: RunnerQuery): Page<Runner> {
  const matching = [...source.records()].filter(filterOf(source, query));
  const { by, descending } = sortOrder(query.sort);
  const page = pageBy(matching, query, sortKeyOf(source, by), descending);
  return { ...page, items: page.items.map((record) => source.view(record)) };
}

function filterOf(source: ListSource, query: RunnerQuery): (record: RunnerRecord) => boolean {
  const search = sameNameKey(query.search ?? '');
  const tag = query.tag === undefined ? null : tagKey(query.tag);
  const project = query.project === undefined ? null : sameNameKey(query.project);
  return (record) =>
    (search === '' || record.searchText.includes(search)) &&
    (tag === null || record.tagKeys.includes(tag)) &&
    (project === null || record.projectKeys.includes(project)) &&
    (query.mode === undefined || record.row.mode === query.mode) &&
    (query.status === undefined || source.status(record.row.id).status === query.status) &&
    (query.versionState === undefined || versionStateOf(source, record) === query.versionState);
}

function versionStateOf(source: ListSource, { row, replicas, refusals }: RunnerRecord): VersionState {
  const presences = source.presences(row.id);
  const versions = replicas.map((replica) => {
    const seen = presences.find(({ replicaId }) => replicaId === replica.row.id);
    const lastSeen = seen?.lastSeen ?? replica.row.last_seen;
    return { version: replica.facts.agentVersion, connected: seen?.connected ?? false, lastSeen };
  });
  return versionState({ replicas: versions, refusals }, source.handedOut);
}

/** What a list is ordered by. Equals follow by name; the id at the end makes each key unique. */
function sortKeyOf(source: ListSource, by: string): (record: RunnerRecord) => SortKey {
  const first = firstKeyOf(source, by);
  return (record) => [first(record), record.sortName, record.row.id];
}

function firstKeyOf(source: ListSource, by: string): (record: RunnerRecord) => string | number | null {
  const presences = ({ row }: RunnerRecord) => source.presences(row.id);
  switch (by) {
    case 'description':
      return ({ row }) => naturalKey(row.description);
    case 'status':
      return ({ row }) => STATUS_ORDER[source.status(row.id).status];
    case 'lastCheckin':
      return (record) => lastCheckin(presences(record));
    case 'version':
      return (record) => {
        const newest = newestReplica(record, presences(record));
        return newest === null ? null : naturalKey(newest.facts.agentVersion);
      };
    case 'platform':
      return (record) => {
        const newest = newestReplica(record, presences(record));
        return newest === null ? null : platformOf(newest.facts);
      };
    case 'load':
      return (record) => {
        const load = loadOf(record, presences(record));
        return (load.running + load.queued) / load.maximum;
      };
    case 'projects':
      return (record) => record.projects.length;
    case 'createdAt':
      return ({ row }) => row.created_at;
    default:
      return (record) => record.sortName;
  }
}
