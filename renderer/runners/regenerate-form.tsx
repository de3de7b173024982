import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { Runner } from '../../protocol/api/runners.ts';
import { runnerMutations } from '../api/runner-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { DownloadPanel } from './download-panel.tsx';

/** Cuts the present replicas off, makes a new token, and then offers the download. */
export function RegenerateForm({ runner, onClose }: { runner: Runner; onClose: () => void }) {
  const enrol = useMutation(runnerMutations.enrol());
  if (enrol.isSuccess) return <DownloadPanel runner={runner} />;
  const work = runner.load.running + runner.load.queued;
  return (
    <Stack gap="sm">
      <Text size="sm">
        The Runner gets a new single-use token, with which it can be installed again on any host. Name, tags and
        projects stay as they are.
      </Text>
      {runner.replicas.length > 0 && (
        <Alert color="orange" variant="light" icon={<IconAlertTriangle aria-hidden />}>
          {runner.replicas.length === 1
            ? `The agent on ${runner.replicas[0]?.hostname} is cut off at once.`
            : `All ${runner.replicas.length} replicas are cut off at once.`}
          {work > 0 && ` Its ${work === 1 ? 'operation' : `${work} operations`} will end as lost.`}
        </Alert>
      )}
      {enrol.error && <ProblemAlert error={enrol.error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <ActionButton
          color="red.9"
          loading={enrol.isPending}
          onClick={() => enrol.mutate({ id: runner.id, revoke: true })}
        >
          Regenerate credentials
        </ActionButton>
      </Group>
    </Stack>
  );
}
