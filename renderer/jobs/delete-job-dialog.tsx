import { useMutation } from '@tanstack/react-query';
import type { Job } from '../../protocol/api/jobs.ts';
import { jobMutations } from '../api/job-queries.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { toastDone } from '../ui/toast.tsx';

interface Props {
  readonly job: Job;
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly onDeleted?: () => void;
}

/** Asks before a job is deleted, and says what stays. */
export function DeleteJobDialog({ job, opened, onClose, onDeleted }: Props) {
  const remove = useMutation(jobMutations.delete());
  const close = () => {
    remove.reset();
    onClose();
  };
  return (
    <ConfirmDialog
      opened={opened}
      title={`Delete ${job.name}?`}
      confirm="Delete job"
      dangerous
      pending={remove.isPending}
      error={remove.error}
      onClose={close}
      onConfirm={() =>
        remove.mutate(job.id, {
          onSuccess: () => {
            toastDone(`${job.name} was deleted`);
            close();
            onDeleted?.();
          },
        })
      }
    >
      Its definition is gone for good. What it ran stays in the activity, with its output.
    </ConfirmDialog>
  );
}
