import { Anchor, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Execution } from '../../protocol/api/executions.ts';
import { isTerminal } from '../../protocol/execution-state.ts';
import { outputLimitText } from '../jobs/output-limit-text.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { Tags } from '../ui/tags.tsx';
import classes from './activity.module.css';
import { RunTime } from './run-time.tsx';

/** Who, when, how long, where, and with which options. */
export function ExecutionFacts({ execution }: { execution: Execution }) {
  const { user, createdAt, startedAt, endedAt, state, runner, replica, runnerTags, job, options } = execution;
  const { priority, outputLimit, operation } = execution;
  const entries = Object.entries(options);
  // What was stopped or failed before it began has an end, but no time in which it ran.
  const end = endedAt ?? (isTerminal(state) ? startedAt : null);
  return (
    <dl className={classes.facts}>
      <Fact name="Started by">{user}</Fact>
      <Fact name="When">
        <RelativeTime at={createdAt} />
      </Fact>
      <Fact name="Duration">
        <RunTime startedAt={startedAt} endedAt={end} none="not started" />
      </Fact>
      <Fact name="Runner">
        {runner === null ? (
          <Text span inherit c="dimmed">
            none yet
          </Text>
        ) : (
          <Anchor
            renderRoot={(props) => <Link to="/runners/$id" params={{ id: runner.id }} {...props} />}
            inherit
            underline="always"
          >
            {runner.name}
          </Anchor>
        )}
        {replica !== null && replica.hostname !== '' && ` on ${replica.hostname}`}
      </Fact>
      {runnerTags.length > 0 && (
        <Fact name="Runner tags">
          <Tags tags={runnerTags} />
        </Fact>
      )}
      {job !== null && (
        <Fact name="Job">
          <Anchor
            renderRoot={(props) => (
              <Link to="/projects/$project/jobs/$id" params={{ project: execution.project, id: job.id }} {...props} />
            )}
            inherit
          >
            {job.name}
          </Anchor>
        </Fact>
      )}
      {priority !== 0 && <Fact name="Priority">{priority}</Fact>}
      {(outputLimit.bytes > 0 || outputLimit.lines > 0) && (
        <Fact name="Output limit">{outputLimitText(outputLimit)}</Fact>
      )}
      {operation.attempt > 1 && (
        <Fact name="Attempt">
          {operation.attempt}: {operation.attempt === 2 ? 'the one before was' : 'those before were'} handed back or
          never taken; nothing of {operation.attempt === 2 ? 'it' : 'them'} ran
        </Fact>
      )}
      {entries.length > 0 && (
        <Fact name="Options">
          {entries.map(([name, value]) => (
            <Text span inherit key={name} mr={12} ff="monospace" size="xs">
              {name}={value === '' ? '“”' : value}
            </Text>
          ))}
        </Fact>
      )}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
