import { Button } from '@mantine/core';
import { IconCircleArrowUp, IconPlus, IconServer2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { runnerQueries } from '../api/runner-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { RunnerList } from './runner-list.tsx';

/** Runner Management: every Runner of the coordinator. */
export function RunnersScreen() {
  const filter = useSearch({ from: '/runners' });
  const navigate = useNavigate();
  const empty = useQuery({ ...runnerQueries.list(), select: (runners) => runners.length === 0 }).data === true;
  const create = (
    <ActionButton
      leftSection={<IconPlus size={16} aria-hidden />}
      onClick={() => void navigate({ to: '/runners/new' })}
    >
      Create Runner
    </ActionButton>
  );
  const actions = (
    <>
      <Button
        variant="default"
        leftSection={<IconCircleArrowUp size={16} aria-hidden />}
        renderRoot={(props) => <Link to="/upgrades" {...props} />}
      >
        Upgrades
      </Button>
      {create}
    </>
  );
  return (
    <>
      <PageHeader title="Runner Management" actions={empty ? null : actions} />
      <RunnerList
        project={null}
        filter={filter}
        onFilter={(search) => void navigate({ to: '/runners', search, replace: true })}
        empty={
          <EmptyState icon={<IconServer2 size={28} />} title="No Runner yet" action={create}>
            A Runner executes jobs inside a network that this coordinator cannot reach. Create one, download its
            package, start it on a host there: it connects outward, and takes work.
          </EmptyState>
        }
      />
    </>
  );
}
