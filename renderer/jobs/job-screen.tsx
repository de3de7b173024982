import { Button, Group, Text, Title } from '@mantine/core';
import { IconEdit } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Job } from '../../protocol/api/jobs.ts';
import { DurationBars } from '../activity/duration-bars.tsx';
import { executionColumns } from '../activity/execution-columns.tsx';
import { ExecutionList } from '../activity/execution-list.tsx';
import { jobQueries } from '../api/job-queries.ts';
import { useMay } from '../api/use-blocked.ts';
import { shortDuration } from '../output/short-duration.ts';
import { DataState } from '../ui/data-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { JobActions } from './job-actions.tsx';
import { JobDefinition } from './job-definition.tsx';
import classes from './jobs.module.css';
import { RunJobButton } from './run-job-button.tsx';

/** One job: what it does, and what it did. */
export function JobScreen() {
  const { id = '' } = useParams({ strict: false });
  const query = useQuery(jobQueries.detail(id));
  return (
    <DataState screen="Job" query={query}>
      {(job) => <LoadedJob key={id} job={job} />}
    </DataState>
  );
}

const columns = executionColumns.filter(({ id }) => id !== 'runner');

function LoadedJob({ job }: { job: Job }) {
  const { id, project, name, group, description, averageSeconds, successRate } = job;
  const navigate = useNavigate();
  const mayManage = useMay('manage');
  const filter = useMemo(() => ({ project, job: id, limit: 50 }), [project, id]);
  const groups = group.split('/').filter((part) => part !== '');
  return (
    <div className={classes.screen}>
      <PageHeader
        title={name}
        crumbs={[
          { label: 'Jobs', to: `/projects/${encodeURIComponent(project)}/jobs` },
          ...groups.map((label) => ({ label })),
          { label: name },
        ]}
        description={
          <Text size="sm" maw={440}>
            {description}
          </Text>
        }
        actions={
          <>
            {mayManage && (
              <Button
                variant="default"
                leftSection={<IconEdit size={16} aria-hidden />}
                renderRoot={(props) => (
                  <Link to="/projects/$project/jobs/$id/edit" params={{ project, id }} {...props} />
                )}
              >
                Edit
              </Button>
            )}
            <RunJobButton job={job} />
            <JobActions
              job={job}
              onDeleted={() => void navigate({ to: '/projects/$project/jobs', params: { project } })}
            />
          </>
        }
      />
      <div className={classes.columns}>
        <section>
          <Group justify="space-between" mb={6}>
            <Title order={2} size="h4">
              Executions
            </Title>
            <Text size="sm" c="dimmed">
              {averageSeconds !== null && `takes ${shortDuration(averageSeconds * 1000)} on average`}
              {successRate !== null && ` · ${Math.round(successRate * 100)} % succeed`}
            </Text>
          </Group>
          <DurationBars filter={filter} />
          <ExecutionList
            filter={filter}
            label={`Executions of ${name}`}
            columns={columns}
            minWidth={480}
            empty={
              <Text className={classes.panel} size="sm" c="dimmed">
                It never ran. Run it to see its steps and its output here.
              </Text>
            }
          />
        </section>
        <JobDefinition job={job} />
      </div>
    </div>
  );
}
