import { useNavigate } from '@tanstack/react-router';
import { type MouseEvent, useMemo, useState } from 'react';
import type { Upgrade, UpgradeReplica } from '../../protocol/api/upgrades.ts';
import { type DataColumn, DataTable } from '../ui/data-table.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { Section } from '../ui/section.tsx';
import { PHASES, replicaCount } from './upgrade-look.ts';
import { PhaseMark } from './upgrade-mark.tsx';
import classes from './upgrades.module.css';

const OVER: ReadonlySet<UpgradeReplica['phase']> = new Set(['checked-in', 'failed', 'skipped']);

/** Ring by ring, in the order in which they are upgraded. */
export function RingSections({ upgrade }: { upgrade: Upgrade }) {
  const rings = useMemo(() => {
    const count = Math.max(...upgrade.replicas.map(({ ring }) => ring)) + 1;
    return Array.from({ length: count }, (_, at) => upgrade.replicas.filter(({ ring }) => ring === at));
  }, [upgrade.replicas]);
  const [sort, setSort] = useState('phase');
  return rings.map((replicas, ring) => (
    <Section
      // biome-ignore lint/suspicious/noArrayIndexKey: the number of a ring is what it is
      key={ring}
      title={ringTitle(upgrade, ring, rings.length, replicas)}
    >
      <DataTable
        label={`Replicas of ring ${ring + 1}`}
        columns={COLUMNS}
        rows={replicas}
        rowId={({ replica }) => replica}
        flashOn={({ phase }) => phase}
        sort={sort}
        onSort={setSort}
        minWidth={760}
      />
    </Section>
  ));
}

function ringTitle(upgrade: Upgrade, ring: number, rings: number, replicas: readonly UpgradeReplica[]): string {
  const which =
    rings === 1 ? replicaCount(replicas.length) : `Ring ${ring + 1} of ${rings} · ${replicaCount(replicas.length)}`;
  const state = ringState(upgrade, ring, replicas);
  return state === null ? which : `${which} · ${state}`;
}

function ringState({ state, ring: now }: Upgrade, ring: number, replicas: readonly UpgradeReplica[]): string | null {
  const failed = replicas.filter(({ phase }) => phase === 'failed').length;
  if (replicas.every(({ phase }) => OVER.has(phase)))
    return failed === 0 ? 'done' : `${failed.toLocaleString()} failed`;
  if (state === 'finished' || state === 'cancelled') return null;
  return ring > now ? 'not begun' : 'under way';
}

const COLUMNS: DataColumn<UpgradeReplica>[] = [
  {
    id: 'runner',
    header: 'Runner',
    width: '190px',
    value: ({ runnerName }) => runnerName,
    cell: (replica) => <RunnerLink replica={replica} />,
  },
  {
    id: 'host',
    header: 'Host',
    width: '150px',
    value: ({ hostname }) => hostname,
    cell: ({ hostname }) => (
      <span className={classes.cut} title={hostname}>
        {hostname}
      </span>
    ),
  },
  {
    id: 'from',
    header: 'From version',
    width: '112px',
    value: ({ from }) => from,
    cell: ({ from }) => <span>{from}</span>,
  },
  {
    id: 'phase',
    header: 'State',
    value: ({ phase }) => PHASES.indexOf(phase),
    cell: (replica) => <PhaseMark replica={replica} />,
  },
  {
    id: 'since',
    header: 'Since',
    width: '108px',
    value: ({ updatedAt }) => Date.parse(updatedAt),
    cell: ({ updatedAt }) => <RelativeTime at={updatedAt} />,
  },
];

function RunnerLink({ replica: { runner, runnerName } }: { replica: UpgradeReplica }) {
  const navigate = useNavigate();
  const open = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void navigate({ to: '/runners/$id', params: { id: runner } });
  };
  return (
    <a className={classes.link} href={`/runners/${runner}`} onClick={open} title={runnerName}>
      {runnerName}
    </a>
  );
}
