import { Anchor, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Execution } from '../../protocol/api/executions.ts';
import { ExecutionActions } from '../activity/execution-actions.tsx';
import { ExecutionOutput } from '../activity/execution-output.tsx';
import { ExecutionRemarks } from '../activity/execution-remarks.tsx';
import { RunTime } from '../activity/run-time.tsx';
import { StateMark } from '../activity/state-mark.tsx';
import { WaitingPanel } from '../activity/waiting-panel.tsx';
import { executionQueries } from '../api/execution-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import classes from './commands.module.css';

/** How a command goes: its state, and its output live. */
export function CommandResult({ executionId }: { executionId: string }) {
  const query = useQuery(executionQueries.detail(executionId));
  return <DataState query={query}>{(execution) => <Result execution={execution} />}</DataState>;
}

function Result({ execution }: { execution: Execution }) {
  const { id, number, state, reason, runner, startedAt, endedAt } = execution;
  return (
    <section className={classes.result} aria-label={`Execution ${number}`}>
      <Group justify="space-between" mb="xs" gap="sm">
        <Group gap="sm" role="status">
          <StateMark state={state} survivors={execution.survivors.length} />
          <Anchor renderRoot={(props) => <Link to="/executions/$id" params={{ id }} {...props} />} size="sm">
            #{number}
          </Anchor>
          <Text size="sm" c="dimmed">
            {runner !== null && `on ${runner.name} · `}
            <RunTime startedAt={startedAt} endedAt={endedAt} none="" />
            {reason !== '' && ` · ${reason}`}
          </Text>
        </Group>
        <ExecutionActions execution={execution} />
      </Group>
      <ExecutionRemarks execution={execution} />
      {state === 'queued' ? (
        <WaitingPanel execution={execution} />
      ) : (
        <ExecutionOutput execution={execution} step={null} onStep={() => undefined} />
      )}
    </section>
  );
}
