import type { ButtonProps } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import type { Job } from '../../protocol/api/jobs.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { RunJobDialog } from './run-job-dialog.tsx';

interface Props extends Pick<ButtonProps, 'size' | 'variant'> {
  readonly job: Job;
  /** What stands on the button; `Run` in lists. */
  readonly label?: string;
}

/** Opens the dialog that runs a job. */
export function RunJobButton({ job, label = 'Run Job Now', ...button }: Props) {
  const [opened, setOpened] = useState(false);
  return (
    <>
      <ActionButton
        {...button}
        needs="run"
        leftSection={<IconPlayerPlay size={15} aria-hidden />}
        aria-label={label === 'Run' ? `Run ${job.name}` : undefined}
        onClick={() => setOpened(true)}
      >
        {label}
      </ActionButton>
      <RunJobDialog job={job} opened={opened} onClose={() => setOpened(false)} />
    </>
  );
}
