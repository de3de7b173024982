import { Skeleton } from '@mantine/core';
import type { Execution } from '../../protocol/api/executions.ts';
import { isTerminal } from '../../protocol/execution-state.ts';
import { OutputViewer } from '../output/output-viewer.tsx';
import { useOutputSession } from '../output/use-output-session.ts';
import classes from './activity.module.css';

interface Props {
  readonly execution: Execution;
  readonly step: number | null;
  readonly onStep: (step: number | null) => void;
}

/** The live output of an execution. */
export function ExecutionOutput({ execution, step, onStep }: Props) {
  const ended = isTerminal(execution.state);
  const session = useOutputSession(execution.id, ended);
  if (session === null) return <Skeleton className={classes.viewer} radius="md" />;
  return (
    <OutputViewer
      className={classes.viewer}
      session={session}
      executionId={execution.id}
      name={`${execution.project}-${execution.number}`}
      bytes={execution.output.bytes}
      steps={execution.steps}
      step={step}
      onStep={onStep}
      nothing={ended ? 'Nothing was printed.' : 'Nothing was printed yet.'}
    />
  );
}
