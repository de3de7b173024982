import { Anchor, Group, Text } from '@mantine/core';
import { IconCode, IconTerminal2 } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { ExecutionSummary } from '../../protocol/api/executions.ts';
import type { DataColumn } from '../ui/data-table.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { RunTime } from './run-time.tsx';
import { StateMark } from './state-mark.tsx';

/** Columns of every list of executions. */
export const executionColumns: readonly DataColumn<ExecutionSummary>[] = [
  {
    id: 'state',
    header: 'State',
    width: '158px',
    cell: ({ state, reason, survivorCount }) => <StateMark state={state} reason={reason} survivors={survivorCount} />,
  },
  {
    id: 'title',
    header: 'Execution',
    cell: ({ id, number, title, kind }) => (
      <Group gap={8} wrap="nowrap">
        <Anchor
          renderRoot={(props) => <Link to="/executions/$id" params={{ id }} {...props} />}
          inherit
          fw={600}
          truncate
          title={title}
        >
          #{number} {title}
        </Anchor>
        {kind !== 'job' && <KindMark kind={kind} />}
      </Group>
    ),
  },
  {
    id: 'user',
    header: 'User',
    width: '92px',
    cell: ({ user }) => (
      <Text inherit truncate title={user}>
        {user}
      </Text>
    ),
  },
  {
    id: 'runner',
    header: 'Runner',
    width: '126px',
    cell: ({ runner }) =>
      runner === null ? (
        <Text inherit c="dimmed">
          –
        </Text>
      ) : (
        <Anchor
          renderRoot={(props) => <Link to="/runners/$id" params={{ id: runner.id }} {...props} />}
          inherit
          truncate
          title={runner.name}
        >
          {runner.name}
        </Anchor>
      ),
  },
  { id: 'when', header: 'When', width: '98px', cell: ({ createdAt }) => <RelativeTime at={createdAt} /> },
  {
    id: 'duration',
    header: 'Duration',
    width: '88px',
    align: 'right',
    cell: ({ startedAt, endedAt }) => <RunTime startedAt={startedAt} endedAt={endedAt} />,
  },
];

function KindMark({ kind }: { kind: 'command' | 'script' }) {
  const Icon = kind === 'command' ? IconTerminal2 : IconCode;
  return (
    <Text
      span
      c="dimmed"
      size="xs"
      title={`An ad hoc ${kind}`}
      role="img"
      aria-label={`ad hoc ${kind}`}
      style={{ flex: 'none' }}
    >
      <Icon size={15} aria-hidden style={{ verticalAlign: 'middle' }} />
    </Text>
  );
}
