import { Alert, Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { Runner } from '../../protocol/api/runners.ts';
import { runnerMutations, runnerQueries } from '../api/runner-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { DataState } from '../ui/data-state.tsx';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { PackagePanel } from './package-panel.tsx';

/** Download of a Runner that exists already: with an open token at once, else it says how to get one. */
export function DownloadPanel({ runner }: { runner: Runner }) {
  const query = useQuery(runnerQueries.detail(runner.id));
  return (
    <DataState query={query}>
      {(now) => (now.enrolment?.state === 'open' ? <OpenToken runner={now} /> : <NoToken runner={now} />)}
    </DataState>
  );
}

function OpenToken({ runner }: { runner: Runner }) {
  return (
    <Stack gap="md">
      <Text size="sm" c="dimmed">
        The package holds a single-use token, which expires <RelativeTime at={runner.enrolment?.expiresAt ?? null} />.
      </Text>
      <PackagePanel runner={runner} />
    </Stack>
  );
}

const WHY = {
  used: 'The token of the last package was used.',
  expired: 'The token of the last package has expired.',
  revoked: 'The token of the last package was revoked.',
} as const;

/** Why there is no token for a package, and the way to one. */
export function NoToken({ runner }: { runner: Runner }) {
  const enrol = useMutation(runnerMutations.enrol());
  const state = runner.enrolment?.state;
  const why = state === undefined || state === 'open' ? 'There is no token for a package.' : WHY[state];
  const hasReplica = runner.replicas.length > 0;
  if (hasReplica && runner.replicaMode === 'single') {
    return (
      <Alert variant="light" title="This Runner is installed already">
        It has one replica, on {runner.replicas[0]?.hostname}. To install it elsewhere, use “Regenerate credentials”:
        that cuts the present replica off.
      </Alert>
    );
  }
  return (
    <Stack gap="sm" align="flex-start">
      <Text size="sm">
        {why} A new token {hasReplica ? 'adds another replica; those that run are left alone' : 'makes a new package'}.
      </Text>
      {enrol.error && <ProblemAlert error={enrol.error} />}
      <ActionButton loading={enrol.isPending} onClick={() => enrol.mutate({ id: runner.id, revoke: false })}>
        Create a new token
      </ActionButton>
    </Stack>
  );
}
