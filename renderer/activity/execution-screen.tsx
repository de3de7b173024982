import { Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { Execution } from '../../protocol/api/executions.ts';
import { executionQueries } from '../api/execution-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import classes from './activity.module.css';
import { ExecutionSearchSchema } from './activity-search.ts';
import { ExecutionActions } from './execution-actions.tsx';
import { ExecutionFacts } from './execution-facts.tsx';
import { ExecutionOutput } from './execution-output.tsx';
import { ExecutionRemarks } from './execution-remarks.tsx';
import { ExecutionSteps } from './execution-steps.tsx';
import { StateMark } from './state-mark.tsx';
import { WaitingPanel } from './waiting-panel.tsx';

/** One execution: its state, who and where, its steps and its live output. */
export function ExecutionScreen() {
  const { id = '' } = useParams({ strict: false });
  const query = useQuery(executionQueries.detail(id));
  return (
    <DataState screen="Execution" query={query}>
      {(execution) => <LoadedExecution key={id} execution={execution} />}
    </DataState>
  );
}

function LoadedExecution({ execution }: { execution: Execution }) {
  const { number, title, state, reason, project, steps } = execution;
  const navigate = useNavigate();
  const asked = ExecutionSearchSchema.parse(useSearch({ strict: false })).step ?? null;
  const step = asked !== null && asked < steps.length ? asked : null;
  const onStep = (next: number | null) =>
    void navigate({ to: '.', search: { step: next ?? undefined }, replace: true, resetScroll: false });
  const waits = state === 'queued' || state === 'scheduled';
  return (
    <div className={classes.screen}>
      <PageHeader
        title={title}
        documentTitle={`#${number} ${title}`}
        crumbs={[
          { label: 'Activity', to: `/projects/${encodeURIComponent(project)}/activity` },
          { label: `#${number}` },
        ]}
        description={
          <Group gap={8} mt={2} role="status">
            <StateMark state={state} survivors={execution.survivors.length} />
            {state !== 'lost' && reason !== '' && <Text size="sm">{reason}</Text>}
          </Group>
        }
        actions={<ExecutionActions execution={execution} />}
      />
      <ExecutionFacts execution={execution} />
      <ExecutionRemarks execution={execution} />
      <div className={classes.body}>
        <ExecutionSteps execution={execution} step={step} onStep={onStep} />
        {waits ? (
          <WaitingPanel execution={execution} />
        ) : (
          <ExecutionOutput execution={execution} step={step} onStep={onStep} />
        )}
      </div>
    </div>
  );
}
