import { Button, Text, TextInput } from '@mantine/core';
import { IconListDetails, IconPlus, IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useDeferredValue, useMemo } from 'react';
import { jobQueries } from '../api/job-queries.ts';
import { useMay } from '../api/use-blocked.ts';
import { containsWords } from '../ui/contains-words.ts';
import { DataState } from '../ui/data-state.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { JobTable } from './job-table.tsx';
import classes from './jobs.module.css';
import { JobsSearchSchema } from './jobs-search.ts';

/** The jobs of a project, by group, with how they went last. */
export function JobsScreen() {
  const { project = '' } = useParams({ strict: false });
  const { search = '' } = JobsSearchSchema.parse(useSearch({ strict: false }));
  const navigate = useNavigate();
  const query = useQuery(jobQueries.list(project));
  const mayCreate = useMay('manage');
  const wanted = useDeferredValue(search);
  const jobs = useMemo(
    () => query.data?.filter(({ name, group, description }) => containsWords(wanted, group, name, description)),
    [query.data, wanted],
  );
  const newJob = mayCreate && (
    <Button
      leftSection={<IconPlus size={16} aria-hidden />}
      renderRoot={(props) => <Link to="/projects/$project/jobs/new" params={{ project }} {...props} />}
    >
      New job
    </Button>
  );
  return (
    <div className={classes.screen}>
      <PageHeader title="Jobs" description="What this project can run on its Runners." actions={newJob} />
      <DataState
        query={{ ...query, data: jobs }}
        isEmpty={() => query.data?.length === 0}
        empty={
          <EmptyState icon={<IconListDetails size={28} />} title="No jobs yet" action={newJob}>
            A job is a stored list of steps, with options, that runs on a Runner of this project whenever it is asked
            to.
          </EmptyState>
        }
      >
        {(shown) => (
          <>
            <TextInput
              aria-label="Search jobs"
              placeholder="Search by name, group or description"
              leftSection={<IconSearch size={15} aria-hidden />}
              maw={360}
              mb="sm"
              value={search}
              onChange={(event) =>
                void navigate({ to: '.', search: { search: event.currentTarget.value || undefined }, replace: true })
              }
              autoComplete="off"
              spellCheck={false}
            />
            {shown.length === 0 ? (
              <Text c="dimmed" size="sm" role="status">
                No job fits “{search}”.
              </Text>
            ) : (
              <JobTable jobs={shown} unfold={search !== ''} />
            )}
          </>
        )}
      </DataState>
    </div>
  );
}
