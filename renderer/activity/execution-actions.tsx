import { IconPlayerStop, IconRefresh } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Execution } from '../../protocol/api/executions.ts';
import { isTerminal } from '../../protocol/execution-state.ts';
import { asOutrunnerError } from '../api/coordinator-error.ts';
import { executionMutations } from '../api/execution-queries.ts';
import { jobMutations, jobQueries } from '../api/job-queries.ts';
import { RunJobDialog } from '../jobs/run-job-dialog.tsx';
import { ActionButton } from '../ui/action-button.tsx';
import { toastProblem } from '../ui/toast.tsx';
import { adHocOf } from './ad-hoc-of.ts';

/** Stop while it goes on, Run again when it has ended. */
export function ExecutionActions({ execution }: { execution: Execution }) {
  if (!isTerminal(execution.state)) return <StopButton execution={execution} />;
  return execution.job === null ? <RunAdHocAgain execution={execution} /> : <RunJobAgain execution={execution} />;
}

function StopButton({ execution }: { execution: Execution }) {
  const cancel = useMutation(executionMutations.cancel());
  const stopping = execution.state === 'stopping';
  return (
    <ActionButton
      needs="run"
      color="red"
      variant="light"
      leftSection={<IconPlayerStop size={16} aria-hidden />}
      loading={cancel.isPending}
      blocked={stopping ? 'It is being stopped.' : null}
      onClick={() =>
        cancel.mutate(
          { id: execution.id },
          {
            onError: (error) => {
              // It ended in the same moment: the screen shows that already.
              if (asOutrunnerError(error).code !== 'execution-ended') toastProblem('It was not stopped', error);
            },
          },
        )
      }
    >
      {stopping ? 'Stopping…' : 'Stop'}
    </ActionButton>
  );
}

function RunJobAgain({ execution }: { execution: Execution }) {
  const [opened, setOpened] = useState(false);
  const { job, options, runnerTags, priority } = execution;
  const query = useQuery({ ...jobQueries.detail(job?.id ?? ''), enabled: job !== null, retry: false });
  const gone = query.error !== null && asOutrunnerError(query.error).code === 'not-found';
  return (
    <>
      <ActionButton
        needs="run"
        leftSection={<IconRefresh size={16} aria-hidden />}
        blocked={gone ? 'The job was deleted.' : null}
        loading={query.isPending}
        onClick={() => setOpened(true)}
      >
        Run again
      </ActionButton>
      {query.data && (
        <RunJobDialog
          job={query.data}
          opened={opened}
          onClose={() => setOpened(false)}
          options={options}
          runnerTags={runnerTags}
          priority={priority}
        />
      )}
    </>
  );
}

function RunAdHocAgain({ execution }: { execution: Execution }) {
  const navigate = useNavigate();
  const run = useMutation(jobMutations.runAdHoc());
  const body = adHocOf(execution);
  return (
    <ActionButton
      needs="run"
      leftSection={<IconRefresh size={16} aria-hidden />}
      blocked={body === null ? 'The coordinator does not say what was run.' : null}
      loading={run.isPending}
      onClick={() => {
        if (body === null) return;
        run.mutate(
          { project: execution.project, body, idempotencyKey: crypto.randomUUID() },
          {
            onSuccess: ({ id }) => void navigate({ to: '/executions/$id', params: { id } }),
            onError: (error) => toastProblem('It was not run again', error),
          },
        );
      }}
    >
      Run again
    </ActionButton>
  );
}
