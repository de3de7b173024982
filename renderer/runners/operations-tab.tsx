import { Anchor, Badge, Button, Group, Stack, Text } from '@mantine/core';
import { IconActivity } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { ExecutionSummary } from '../../protocol/api/executions.ts';
import type { Runner } from '../../protocol/api/runners.ts';
import { isTerminal } from '../../protocol/execution-state.ts';
import { StateMark } from '../activity/state-mark.tsx';
import { executionQueries } from '../api/execution-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { type DataColumn, DataTable } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { useNow } from '../ui/ticker.ts';
import { durationText } from '../ui/time-text.ts';

const PAGE = 100;

/** What this Runner runs now and ran lately. */
export function OperationsTab({ runner }: { runner: Runner }) {
  const query = useInfiniteQuery(executionQueries.list({ runner: runner.id, limit: PAGE }));
  const navigate = useNavigate();
  const columns = useMemo(executionColumns, []);
  return (
    <DataState
      query={query}
      isEmpty={({ pages }) => pages.every(({ items }) => items.length === 0)}
      empty={
        <EmptyState icon={<IconActivity size={28} />} title="It has run nothing yet">
          Executions that this Runner takes part in are listed here.
        </EmptyState>
      }
    >
      {({ pages }) => {
        const items = pages.flatMap((page) => page.items);
        const active = items.filter(({ state }) => !isTerminal(state)).length;
        return (
          <Stack gap="sm">
            <Group gap="xs">
              <Badge variant="default">{runner.load.running} running</Badge>
              <Badge variant="default">{runner.load.queued} queued</Badge>
              <Text size="sm" c="dimmed">
                {active} of the {items.length} latest have not ended.
              </Text>
            </Group>
            <DataTable
              label="Operations of this Runner"
              columns={columns}
              rows={items}
              rowId={(execution) => execution.id}
              onOpen={({ id }) => void navigate({ to: '/executions/$id', params: { id } })}
              flashOn={({ state }) => state}
              minWidth={720}
            />
            {query.hasNextPage && (
              <Group justify="center">
                <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  Show older
                </Button>
              </Group>
            )}
          </Stack>
        );
      }}
    </DataState>
  );
}

function executionColumns(): DataColumn<ExecutionSummary>[] {
  return [
    {
      id: 'state',
      header: 'State',
      width: '158px',
      cell: ({ state, reason, survivorCount }) => <StateMark state={state} reason={reason} survivors={survivorCount} />,
    },
    {
      id: 'title',
      header: 'Execution',
      cell: ({ id, number, title }) => (
        <Anchor inherit truncate renderRoot={(props) => <Link to="/executions/$id" params={{ id }} {...props} />}>
          #{number} {title}
        </Anchor>
      ),
    },
    {
      id: 'project',
      header: 'Project',
      width: '140px',
      cell: ({ project }) => (
        <Text inherit truncate>
          {project}
        </Text>
      ),
    },
    {
      id: 'user',
      header: 'User',
      width: '110px',
      cell: ({ user }) => (
        <Text inherit truncate>
          {user}
        </Text>
      ),
    },
    {
      id: 'started',
      header: 'Started',
      width: '110px',
      cell: ({ startedAt }) => <RelativeTime at={startedAt} none="not yet" />,
    },
    { id: 'duration', header: 'Duration', width: '110px', cell: (execution) => <Duration execution={execution} /> },
  ];
}

function Duration({ execution: { startedAt, endedAt } }: { execution: ExecutionSummary }) {
  const now = useNow();
  if (startedAt === null)
    return (
      <Text inherit c="dimmed">
        –
      </Text>
    );
  return <span>{durationText((endedAt === null ? now : Date.parse(endedAt)) - Date.parse(startedAt))}</span>;
}
