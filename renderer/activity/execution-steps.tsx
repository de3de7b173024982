import { UnstyledButton } from '@mantine/core';
import { IconListDetails } from '@tabler/icons-react';
import type { Execution, ExecutionStep } from '../../protocol/api/executions.ts';
import classes from './activity.module.css';
import { RunTime } from './run-time.tsx';
import { executionLook } from './state-look.ts';
import { StateMark } from './state-mark.tsx';

interface Props {
  readonly execution: Execution;
  /** The step whose output is shown; null: all. */
  readonly step: number | null;
  readonly onStep: (step: number | null) => void;
}

/** The steps with their live states; a press shows the output of one alone. */
export function ExecutionSteps({ execution, step, onStep }: Props) {
  return (
    <nav className={classes.steps} aria-label="Steps">
      <UnstyledButton className={classes.step} aria-pressed={step === null} onClick={() => onStep(null)}>
        <IconListDetails size={17} aria-hidden />
        <span className={classes.stepLabel}>All steps</span>
      </UnstyledButton>
      <ol>
        {execution.steps.map((one) => (
          <li key={one.index}>
            <UnstyledButton
              className={classes.step}
              aria-pressed={step === one.index}
              onClick={() => onStep(step === one.index ? null : one.index)}
              title={one.label}
            >
              <StateMark state={one.state} survivors={survivorsOf(one, execution)} iconOnly />
              <span className={classes.stepLabel}>
                {one.index + 1}. {one.label}
              </span>
              <span className={classes.stepFacts}>
                <StepFacts step={one} survivors={survivorsOf(one, execution)} />
              </span>
            </UnstyledButton>
          </li>
        ))}
      </ol>
    </nav>
  );
}

/** Steps run one after the other: what outlived the stop outlived that of the one that was cut off. */
function survivorsOf({ reason }: ExecutionStep, { survivors }: Execution): number {
  const wasStopped = reason === 'cancelled' || reason === 'timeout' || reason === 'agent-restarted';
  return wasStopped ? survivors.length : 0;
}

function StepFacts({ step, survivors }: { step: ExecutionStep; survivors: number }) {
  const { state, exitCode, signal, startedAt, endedAt, detail, reason } = step;
  const facts = [
    executionLook(state, survivors).word,
    exitCode === null ? '' : `exit code ${exitCode}`,
    signal === null ? '' : `signal ${signal}`,
    // It says only what the exit code says already.
    reason === 'NonZeroResultCode' ? '' : detail,
  ].filter((fact) => fact !== '');
  return (
    <>
      {facts.join(' · ')}
      {startedAt !== null && (
        <>
          {' · '}
          <RunTime startedAt={startedAt} endedAt={endedAt} />
        </>
      )}
    </>
  );
}
