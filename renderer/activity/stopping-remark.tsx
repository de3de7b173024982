import { Alert } from '@mantine/core';
import { IconHandStop } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import type { Execution } from '../../protocol/api/executions.ts';
import { runnerQueries } from '../api/runner-queries.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { useNow } from '../ui/ticker.ts';
import { durationText } from '../ui/time-text.ts';

/** That it is being stopped: since when, when force begins, and what it waits for when its agent is away. */
export function StoppingRemark({ execution }: { execution: Execution }) {
  const { cancelAskedAt = null, graceSeconds, runner, replica } = execution;
  const query = useQuery({ ...runnerQueries.detail(runner?.id ?? ''), enabled: runner !== null });
  const host = query.data?.replicas.find(({ id }) => id === replica?.id);
  const isAway = host !== undefined && !host.connected;
  return (
    <Alert color="orange" variant="light" mb="sm" icon={<IconHandStop aria-hidden />} title="Stopping">
      {cancelAskedAt !== null && (
        <>
          Asked for <RelativeTime at={cancelAskedAt} />.{' '}
        </>
      )}
      {isAway ? (
        <>
          The agent on {host.hostname} is not connected: it is told as soon as it comes back. Until then the processes
          may go on.
        </>
      ) : (
        cancelAskedAt !== null &&
        graceSeconds !== undefined && <Force at={Date.parse(cancelAskedAt) + graceSeconds * 1000} />
      )}{' '}
      It counts as stopped when its processes are seen to be gone.
    </Alert>
  );
}

function Force({ at }: { at: number }) {
  const left = at - useNow();
  // By the coordinator's clock; the agent heard of it a moment later.
  if (left > 0) return `Its processes were asked to end; in ${durationText(left + 999)} they are ended by force.`;
  return 'The time to end by themselves is over: its processes are being ended by force.';
}
