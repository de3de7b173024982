import { Alert, Button, Group, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import type { Job } from '../../protocol/api/jobs.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { changedParts } from './job-changes.ts';

interface Props {
  /** The version that editing began with, and the one that the coordinator has now. */
  readonly base: Job;
  readonly latest: Job;
  /** There is something in the editor that loading the other version would put aside. */
  readonly changed: boolean;
  /** Saving was refused because of it: the person must decide now. */
  readonly refused: boolean;
  readonly pending: boolean;
  readonly onLoad: () => void;
  readonly onOverwrite: () => void;
}

/** Somebody else saved the job while it is being edited: when, what they changed, and what can be done. */
export function JobClash({ base, latest, changed, refused, pending, onLoad, onOverwrite }: Props) {
  const alert = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (refused) alert.current?.focus();
  }, [refused]);
  const parts = changedParts(base, latest);
  return (
    <Alert
      ref={alert}
      tabIndex={-1}
      color="orange"
      variant="light"
      mb="md"
      icon={<IconAlertTriangle aria-hidden />}
      title={refused ? 'Not saved: somebody else saved this job meanwhile' : 'Somebody else saved this job meanwhile'}
    >
      <Text size="sm">
        Version {latest.version} was saved <RelativeTime at={latest.updatedAt} />; you began with version {base.version}
        . {parts.length === 0 ? 'It says the same as yours did.' : `Changed there: ${parts.join(', ')}.`}{' '}
        {changed && 'What you typed is still here.'}
      </Text>
      <Group gap="xs" mt="xs">
        <Button size="compact-sm" variant="default" onClick={onLoad}>
          Load version {latest.version}
        </Button>
        <ActionButton size="compact-sm" color="red.9" onClick={onOverwrite} loading={pending}>
          Overwrite it with mine
        </ActionButton>
      </Group>
    </Alert>
  );
}
