import { Group, Tabs, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { Runner } from '../../protocol/api/runners.ts';
import { asOutrunnerError } from '../api/coordinator-error.ts';
import { runnerQueries } from '../api/runner-queries.ts';
import { NotFoundScreen } from '../app/not-found-screen.tsx';
import { DataState } from '../ui/data-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { UpgradeNotice } from '../upgrades/upgrade-notice.tsx';
import { ModeBadge, ReconnectingMark } from './mode-badge.tsx';
import { ModeNotice } from './mode-notice.tsx';
import { OperationsTab } from './operations-tab.tsx';
import { OverviewTab } from './overview-tab.tsx';
import { ProjectsTab } from './projects-tab.tsx';
import { ReplicaTroubles } from './replica-troubles.tsx';
import { ReplicasTab } from './replicas-tab.tsx';
import { RunnerActions } from './runner-actions.tsx';
import { RunnerQuickActions } from './runner-quick-actions.tsx';
import { StoppingBadge } from './stopping-badge.tsx';

const HERE = '/runners/$id';

/** One Runner: how it is, where it runs, what it may do and what it did. */
export function RunnerScreen() {
  const { id } = useParams({ from: HERE });
  const query = useQuery(runnerQueries.detail(id));
  if (query.error && asOutrunnerError(query.error).code === 'not-found') return <NotFoundScreen />;
  return (
    <DataState screen="Runner" query={query}>
      {(runner) => <RunnerPage runner={runner} />}
    </DataState>
  );
}

function RunnerPage({ runner }: { runner: Runner }) {
  const { tab = 'overview' } = useSearch({ from: HERE });
  const navigate = useNavigate();
  const choose = (next: string | null) => {
    const search = { tab: next === 'overview' ? undefined : (next as typeof tab) };
    return navigate({ to: HERE, params: { id: runner.id }, search, replace: true });
  };
  return (
    <>
      <PageHeader
        title={
          <Group gap="sm" component="span" display="inline-flex">
            {runner.name}
            <ModeBadge runner={runner} />
            <StoppingBadge runner={runner} />
          </Group>
        }
        documentTitle={runner.name}
        crumbs={[{ label: 'Runner Management', to: '/runners' }, { label: runner.name }]}
        description={<StatusLine runner={runner} />}
        actions={
          <>
            <RunnerQuickActions runner={runner} />
            <RunnerActions runner={runner} withOpen={false} onDeleted={() => void navigate({ to: '/runners' })} />
          </>
        }
      />
      <UpgradeNotice runner={runner.id} />
      <ModeNotice runner={runner} />
      <ReplicaTroubles runner={runner} />
      <Tabs value={tab} onChange={(next) => void choose(next)}>
        <Tabs.List mb="md">
          <Tabs.Tab value="overview">Overview</Tabs.Tab>
          <Tabs.Tab value="replicas">Replicas ({runner.replicas.length})</Tabs.Tab>
          <Tabs.Tab value="projects">Projects ({runner.projects.length})</Tabs.Tab>
          <Tabs.Tab value="operations">Operations</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="overview">
          <OverviewTab runner={runner} />
        </Tabs.Panel>
        <Tabs.Panel value="replicas">
          <ReplicasTab runner={runner} />
        </Tabs.Panel>
        <Tabs.Panel value="projects">
          <ProjectsTab runner={runner} />
        </Tabs.Panel>
        <Tabs.Panel value="operations">
          <OperationsTab runner={runner} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function StatusLine({ runner }: { runner: Runner }) {
  return (
    <Group gap={8} mt={4}>
      <StatusIcon status={runner.status} withWord />
      {runner.reconnecting && <ReconnectingMark />}
      <Text span inherit>
        since <RelativeTime at={runner.statusSince} /> · {runner.statusReason}
      </Text>
    </Group>
  );
}
