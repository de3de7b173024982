import { Button } from '@mantine/core';
import { IconCircleArrowUp } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type MouseEvent, useMemo } from 'react';
import type { UpgradeSummary } from '../../protocol/api/upgrades.ts';
import { upgradeQueries } from '../api/upgrade-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { type DataColumn, DataTable } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { ListFoot } from '../ui/list-foot.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { replicasOf } from './upgrade-look.ts';
import { PhaseCounts, UpgradeMark } from './upgrade-mark.tsx';
import classes from './upgrades.module.css';

/** Every upgrade of agents that was ordered here, newest first. */
export function UpgradesScreen() {
  const navigate = useNavigate();
  const query = useInfiniteQuery(upgradeQueries.list());
  const rows = useMemo(() => query.data?.pages.flatMap(({ items }) => items) ?? [], [query.data]);
  const total = query.data?.pages.at(-1)?.total ?? 0;
  return (
    <>
      <PageHeader
        title="Upgrades"
        crumbs={[{ label: 'Runner Management', to: '/runners' }, { label: 'Upgrades' }]}
        description="An upgrade brings the version that this coordinator hands out to agents that have another one."
      />
      <DataState
        query={{ ...query, data: query.data }}
        isEmpty={() => rows.length === 0}
        empty={
          <EmptyState
            icon={<IconCircleArrowUp size={28} />}
            title="No upgrade yet"
            action={
              <Button variant="default" onClick={() => void navigate({ to: '/runners' })}>
                Go to the Runners
              </Button>
            }
          >
            When the version of a Runner is outdated, choose Upgrade… in its menu, or upgrade all outdated ones above
            the list. Each agent checks the new version, finishes its work, switches, and goes back by itself if the new
            one does not check in.
          </EmptyState>
        }
      >
        {() => (
          <>
            <DataTable
              label="Upgrades"
              columns={COLUMNS}
              rows={rows}
              rowId={({ id }) => id}
              flashOn={({ state, ring }) => `${state} ${ring}`}
              onOpen={({ id }) => void navigate({ to: '/upgrades/$id', params: { id } })}
              minWidth={860}
              fill
            />
            <ListFoot shown={rows.length} total={total} query={query} />
          </>
        )}
      </DataState>
    </>
  );
}

const COLUMNS: DataColumn<UpgradeSummary>[] = [
  { id: 'state', header: 'State', width: '190px', cell: (upgrade) => <UpgradeMark upgrade={upgrade} /> },
  { id: 'version', header: 'To version', width: '120px', cell: (upgrade) => <UpgradeLink upgrade={upgrade} /> },
  {
    id: 'replicas',
    header: 'Replicas',
    width: '84px',
    align: 'right',
    cell: (upgrade) => replicasOf(upgrade).toLocaleString(),
  },
  { id: 'phases', header: 'How far', cell: ({ counts }) => <PhaseCounts counts={counts} /> },
  { id: 'createdAt', header: 'Begun', width: '120px', cell: ({ createdAt }) => <RelativeTime at={createdAt} /> },
  {
    id: 'createdBy',
    header: 'By',
    width: '110px',
    cell: ({ createdBy }) => (
      <span className={classes.cut} title={createdBy}>
        {createdBy}
      </span>
    ),
  },
];

function UpgradeLink({ upgrade: { id, version } }: { upgrade: UpgradeSummary }) {
  const navigate = useNavigate();
  const open = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void navigate({ to: '/upgrades/$id', params: { id } });
  };
  return (
    <a className={classes.link} href={`/upgrades/${id}`} onClick={open}>
      {version}
    </a>
  );
}
