import { Button, Text } from '@mantine/core';
import { IconFilterOff } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useDeferredValue, useMemo } from 'react';
import type { Runner } from '../../protocol/api/runners.ts';
import { runnerQueries } from '../api/runner-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { DataTable } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { useSearchText } from '../ui/use-search-text.ts';
import { UpgradeNotice } from '../upgrades/upgrade-notice.tsx';
import { UpgradeOutdated } from '../upgrades/upgrade-outdated.tsx';
import { useHandedOut } from '../upgrades/use-handed-out.ts';
import { runnerColumns, runnerNews } from './runner-columns.tsx';
import { runnerFilter } from './runner-filter.ts';
import { RunnerFilters } from './runner-filters.tsx';
import { type RunnerSearch, RunnerSearchSchema } from './runner-search.ts';

interface Props {
  /** Only the Runners of this project; null: all. */
  readonly project: string | null;
  readonly filter: RunnerSearch;
  readonly onFilter: (filter: RunnerSearch) => void;
  /** Shown while there is not one Runner. */
  readonly empty: ReactNode;
}

/** Runners with search, filters and order, live. */
export function RunnerList({ project, filter, onFilter, empty }: Props) {
  const query = useQuery({
    ...runnerQueries.list(),
    select: (all) => (project === null ? all : all.filter((runner) => isAssigned(runner, project))),
  });
  return (
    <DataState query={query} isEmpty={(runners) => runners.length === 0} empty={empty}>
      {(runners) => <Filled runners={runners} project={project} filter={filter} onFilter={onFilter} />}
    </DataState>
  );
}

/** Whether the Runner is assigned to this project. */
export function isAssigned(runner: Runner, project: string): boolean {
  return runner.projects.some((assignment) => assignment.project === project);
}

function Filled({ runners, project, filter, onFilter }: Omit<Props, 'empty'> & { runners: Runner[] }) {
  const navigate = useNavigate();
  const change = (part: Partial<RunnerSearch>) => onFilter({ ...filter, ...part });
  const [text, setText] = useSearchText(filter.search ?? '', (search) => change({ search: search || undefined }));
  const search = useDeferredValue(text);
  const { version, development } = useHandedOut();
  const columns = useMemo(() => runnerColumns(project, { version, development }), [project, version, development]);
  const show = useMemo(() => runnerFilter({ ...filter, search }, version), [filter, search, version]);
  const found = useMemo(() => runners.filter(show).length, [runners, show]);

  return (
    <>
      <UpgradeNotice />
      <RunnerFilters
        runners={runners}
        filter={filter}
        onChange={change}
        search={text}
        onSearch={setText}
        withProject={project === null}
        action={<UpgradeOutdated runners={runners} show={show} />}
      />
      {found === 0 ? (
        <EmptyState
          icon={<IconFilterOff size={28} />}
          title="No Runner fits the filter"
          action={
            <Button
              variant="default"
              onClick={() => {
                setText('');
                onFilter({ sort: filter.sort });
              }}
            >
              Clear filters
            </Button>
          }
        >
          {runners.length === 1 ? 'There is one Runner' : `There are ${runners.length} Runners`} in all.
        </EmptyState>
      ) : (
        <>
          <DataTable
            label="Runners"
            columns={columns}
            rows={runners}
            show={show}
            rowId={(runner) => runner.id}
            sort={filter.sort ?? 'name'}
            onSort={(sort) => change({ sort: RunnerSearchSchema.shape.sort.parse(sort) })}
            onOpen={(runner) => void navigate({ to: '/runners/$id', params: { id: runner.id } })}
            flashOn={runnerNews}
            minWidth={1226}
            fill
          />
          <Text size="xs" c="dimmed" mt={6} role="status">
            {found === runners.length
              ? `${runners.length} ${runners.length === 1 ? 'Runner' : 'Runners'}`
              : `${found} of ${runners.length} Runners`}
          </Text>
        </>
      )}
    </>
  );
}
