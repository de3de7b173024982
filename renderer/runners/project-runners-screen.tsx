import { IconPlus, IconServer2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { runnerQueries } from '../api/runner-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { isAssigned, RunnerList } from './runner-list.tsx';

const HERE = '/projects/$project/runners';

/** Runner Management of a project: the Runners that are assigned to it. */
export function ProjectRunnersScreen() {
  const { project } = useParams({ from: HERE });
  const filter = useSearch({ from: HERE });
  const navigate = useNavigate();
  const empty = useQuery({
    ...runnerQueries.list(),
    select: (runners) => !runners.some((runner) => isAssigned(runner, project)),
  }).data;
  const create = (
    <ActionButton
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => void navigate({ to: '/projects/$project/runners/new', params: { project } })}
    >
      Create Runner
    </ActionButton>
  );
  return (
    <>
      <PageHeader
        title="Runner Management"
        description={`Runners assigned to ${project}`}
        actions={empty ? null : create}
      />
      <RunnerList
        project={project}
        filter={filter}
        onFilter={(search) => void navigate({ to: HERE, params: { project }, search, replace: true })}
        empty={
          <EmptyState icon={<IconServer2 size={28} />} title="No Runner is assigned to this project" action={create}>
            The jobs of this project run on Runners that are assigned to it. Create one here, or assign an existing one
            on its own page, under Projects.
          </EmptyState>
        }
      />
    </>
  );
}
