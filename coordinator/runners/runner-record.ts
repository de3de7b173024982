import type { Kysely, Selectable } from 'kysely';
import type { Assignment } from '../../protocol/api/runners.ts';
import { type HostFacts, HostFactsSchema, type Refusal } from '../../protocol/enrolment.ts';
import { sameNameKey } from '../../protocol/fields.ts';
import { naturalKey } from '../http/page.ts';
import type { Database, EnrolmentTable, RefusalTable, ReplicaTable, RunnerTable } from '../store/schema.ts';
import { isoTime } from '../store/stored-forms.ts';

/** How many of the latest refusals a Runner shows. */
export const REFUSALS_SHOWN = 10;

export interface ReplicaRecord {
  readonly row: Selectable<ReplicaTable>;
  readonly facts: HostFacts;
}

/** What the tables know of one Runner, read once and kept until something of it is written. */
export interface RunnerRecord {
  readonly row: RunnerTable;
  readonly tags: readonly string[];
  readonly tagKeys: readonly string[];
  readonly projects: readonly Assignment[];
  readonly projectKeys: readonly string[];
  /** Not retired, oldest first. */
  readonly replicas: readonly ReplicaRecord[];
  /** The most recent one. */
  readonly enrolment: EnrolmentTable | null;
  readonly refusals: readonly Refusal[];
  /** What a search looks through: name, description, tags and host names. */
  readonly searchText: string;
  readonly sortName: string;
}

/** Reads Runners with everything about them: those of `ids`, or all. */
export async function readRecords(read: Kysely<Database>, ids: readonly string[] | null): Promise<RunnerRecord[]> {
  if (ids !== null && ids.length === 0) return [];
  const list = ids === null ? null : [...ids];
  const rows = await read
    .selectFrom('runner')
    .selectAll()
    .$if(list !== null, (q) => q.where('id', 'in', list ?? []))
    .execute();
  const tags = await read
    .selectFrom('runner_tag')
    .selectAll()
    .$if(list !== null, (q) => q.where('runner_id', 'in', list ?? []))
    .orderBy('position')
    .execute();
  const assignments = await read
    .selectFrom('assignment')
    .innerJoin('project', 'project.id', 'assignment.project_id')
    .select(['runner_id', 'project.name', 'project.name_key', 'as_node', 'remote_dispatch', 'node_filter'])
    .$if(list !== null, (q) => q.where('runner_id', 'in', list ?? []))
    .orderBy('project.name_key')
    .execute();
  const replicas = await read
    .selectFrom('replica')
    .selectAll()
    .where('revoked_at', 'is', null)
    .$if(list !== null, (q) => q.where('runner_id', 'in', list ?? []))
    .orderBy('enrolled_at')
    .orderBy('id')
    .execute();
  const enrolments = await read
    .selectFrom('enrolment')
    .selectAll()
    .$if(list !== null, (q) => q.where('runner_id', 'in', list ?? []))
    .orderBy('created_at', 'desc')
    .execute();
  const refusals = await read
    .selectFrom('refusal')
    .selectAll()
    .where('runner_id', 'is not', null)
    .$if(list !== null, (q) => q.where('runner_id', 'in', list ?? []))
    .orderBy('id', 'desc')
    .execute();
  const byRunner = <Row extends { runner_id: string | null }>(all: readonly Row[]) =>
    Map.groupBy(all, (row) => row.runner_id);
  const [tagsOf, assignmentsOf, replicasOf] = [byRunner(tags), byRunner(assignments), byRunner(replicas)];
  const [enrolmentsOf, refusalsOf] = [byRunner(enrolments), byRunner(refusals)];
  return rows.map((row) => {
    const tagRows = tagsOf.get(row.id) ?? [];
    const assigned = assignmentsOf.get(row.id) ?? [];
    const replicaRecords = (replicasOf.get(row.id) ?? []).map((replica) => ({
      row: replica,
      facts: readFacts(replica),
    }));
    const words = [
      row.name,
      row.description,
      ...tagRows.map((tag) => tag.tag),
      ...replicaRecords.map((one) => one.facts.hostname),
    ];
    return {
      row,
      tags: tagRows.map((tag) => tag.tag),
      tagKeys: tagRows.map((tag) => tag.tag_key),
      projects: assigned.map((one) => ({
        project: one.name,
        asNode: one.as_node === 1,
        remoteDispatch: one.remote_dispatch === 1,
        nodeFilter: one.node_filter,
      })),
      projectKeys: assigned.map((one) => one.name_key),
      replicas: replicaRecords,
      enrolment: enrolmentsOf.get(row.id)?.[0] ?? null,
      refusals: (refusalsOf.get(row.id) ?? []).slice(0, REFUSALS_SHOWN).map(refusalView),
      searchText: sameNameKey(words.join('\n')),
      sortName: naturalKey(row.name),
    };
  });
}

function readFacts(replica: Pick<ReplicaTable, 'facts'>): HostFacts {
  return HostFactsSchema.parse(JSON.parse(replica.facts));
}

function refusalView(row: Selectable<RefusalTable>): Refusal {
  return { at: isoTime(row.at), code: row.code, detail: row.detail, address: row.address };
}
