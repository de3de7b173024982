import { Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { Runner } from '../../protocol/api/runners.ts';
import { runnerMutations } from '../api/runner-queries.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { toastDone } from '../ui/toast.tsx';

interface Props {
  readonly runner: Runner;
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly onDeleted?: () => void;
}

/** Whether deleting this Runner takes something away that works now: then its name must be typed. */
export function isInUse({ status, load }: Pick<Runner, 'status' | 'load'>): boolean {
  return status === 'Healthy' || status === 'Busy' || load.running + load.queued > 0;
}

/** Asks before a Runner is deleted, and says what goes with it. */
export function DeleteRunnerDialog({ runner, opened, onClose, onDeleted }: Props) {
  const remove = useMutation(runnerMutations.delete());
  const work = runner.load.running + runner.load.queued;
  const close = () => {
    remove.reset();
    onClose();
  };
  return (
    <ConfirmDialog
      opened={opened}
      title={`Delete ${runner.name}?`}
      confirm="Delete Runner"
      dangerous
      typeToConfirm={isInUse(runner) ? runner.name : undefined}
      pending={remove.isPending}
      error={remove.error}
      onClose={close}
      onConfirm={() =>
        remove.mutate(
          { id: runner.id, force: work > 0 },
          {
            onSuccess: () => {
              toastDone(`${runner.name} was deleted`);
              close();
              onDeleted?.();
            },
          },
        )
      }
    >
      {runner.replicas.length > 0
        ? 'Its credentials are revoked at once: the agent on its host ends and cannot come back. '
        : 'A package that was downloaded for it can no longer be used. '}
      What it ran stays in the activity. This cannot be undone.
      {work > 0 && (
        <Text span inherit fw={600} display="block" mt="xs">
          {work === 1
            ? 'One operation is still there and ends as lost.'
            : `${work} operations are still there and end as lost.`}
        </Text>
      )}
    </ConfirmDialog>
  );
}
