import type { Job } from '../../protocol/api/jobs.ts';

/** A row of the job list: a group, or a job below it. `depth` counts the groups above. */
export type JobRow =
  | {
      readonly kind: 'group';
      readonly path: string;
      readonly name: string;
      readonly depth: number;
      readonly jobs: number;
      readonly open: boolean;
    }
  | { readonly kind: 'job'; readonly job: Job; readonly depth: number };

interface Group {
  readonly path: string;
  readonly name: string;
  readonly groups: Map<string, Group>;
  readonly jobs: Job[];
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/**
 * The jobs as a tree by group path, flattened to rows: in each group first the groups below it, then its jobs, both by
 * name. Groups in `closed` (by path) show only themselves.
 */
export function jobRows(jobs: readonly Job[], closed: ReadonlySet<string>): JobRow[] {
  const root: Group = { path: '', name: '', groups: new Map(), jobs: [] };
  for (const job of jobs) {
    let group = root;
    for (const name of job.group.split('/').filter((part) => part !== '')) {
      let next = group.groups.get(name);
      if (next === undefined) {
        next = { path: group.path === '' ? name : `${group.path}/${name}`, name, groups: new Map(), jobs: [] };
        group.groups.set(name, next);
      }
      group = next;
    }
    group.jobs.push(job);
  }
  return rowsOf(root, 0, closed);
}

function rowsOf(group: Group, depth: number, closed: ReadonlySet<string>): JobRow[] {
  const groups = [...group.groups.values()].sort((a, b) => collator.compare(a.name, b.name));
  const jobs = [...group.jobs].sort((a, b) => collator.compare(a.name, b.name));
  return [
    ...groups.flatMap((one): JobRow[] => {
      const open = !closed.has(one.path);
      const row: JobRow = { kind: 'group', path: one.path, name: one.name, depth, jobs: countJobs(one), open };
      return open ? [row, ...rowsOf(one, depth + 1, closed)] : [row];
    }),
    ...jobs.map((job): JobRow => ({ kind: 'job', job, depth })),
  ];
}

function countJobs(group: Group): number {
  return [...group.groups.values()].reduce((sum, one) => sum + countJobs(one), group.jobs.length);
}
