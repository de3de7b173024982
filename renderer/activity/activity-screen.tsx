import { Button } from '@mantine/core';
import { IconActivity, IconFilterOff } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { coordinatorNow } from '../api/coordinator-clock.ts';
import { executionQueries } from '../api/execution-queries.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import classes from './activity.module.css';
import { ActivityFilters } from './activity-filters.tsx';
import { type ActivitySearch, ActivitySearchSchema, executionFilter, isFiltered } from './activity-search.ts';
import { ExecutionList } from './execution-list.tsx';

/** What ran in a project and what runs, newest first, narrowed by the filters of the address. */
export function ActivityScreen() {
  const { project = '' } = useParams({ strict: false });
  const search = ActivitySearchSchema.parse(useSearch({ strict: false }));
  const navigate = useNavigate();
  const text = JSON.stringify(search);
  // The span of time is counted from when it was chosen: another question each second could never be answered.
  const filter = useMemo(
    () => executionFilter(project, ActivitySearchSchema.parse(JSON.parse(text)), coordinatorNow()),
    [project, text],
  );
  const users = useUsers(filter);
  const change = (next: Partial<ActivitySearch>) =>
    void navigate({ to: '.', search: { ...search, ...next }, replace: true });

  return (
    <div className={classes.screen}>
      <PageHeader title="Activity" description="What ran in this project, and what runs now." />
      <ActivityFilters project={project} search={search} onChange={change} users={users} />
      <ExecutionList
        filter={filter}
        label="Executions"
        fill
        empty={
          isFiltered(search) ? (
            <EmptyState
              icon={<IconFilterOff size={28} />}
              title="No execution fits these filters"
              action={
                <Button variant="default" onClick={() => void navigate({ to: '.', search: {}, replace: true })}>
                  Clear the filters
                </Button>
              }
            >
              Take a filter away, or look further back in time.
            </EmptyState>
          ) : (
            <EmptyState
              icon={<IconActivity size={28} />}
              title="Nothing ran here yet"
              action={
                <Button renderRoot={(props) => <Link to="/projects/$project/jobs" params={{ project }} {...props} />}>
                  Go to the jobs
                </Button>
              }
            >
              Each run of a job and each ad hoc command is kept here, with its steps and its whole output.
            </EmptyState>
          )
        }
      />
    </div>
  );
}

/** People who are in the list as far as it is read. */
function useUsers(filter: Parameters<typeof executionQueries.list>[0]): string[] {
  const data = useQueryClient().getQueryData(executionQueries.list(filter).queryKey);
  const users = data?.pages.flatMap(({ items }) => items.map(({ user }) => user)) ?? [];
  return [...new Set(users)].sort();
}
