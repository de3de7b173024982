import { Alert, Group, Text } from '@mantine/core';
import { IconClockExclamation, IconCopyX } from '@tabler/icons-react';
import type { Replica, Runner } from '../../protocol/api/runners.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { useNow } from '../ui/ticker.ts';
import { useDialog } from '../ui/use-dialog.ts';
import { clockIsOff, clockWords } from './replica-facts.tsx';
import { type RunnerDialog, RunnerDialogs } from './runner-dialogs.tsx';

/** Two agents that share an identity turn each other out again and again: seen this lately, in milliseconds, it goes on. */
const DUPLICATE_IS_NEWS_MS = 24 * 3_600_000;

/** What is wrong with a replica beyond its status, and what to do: an identity used twice, a clock that is off. */
export function ReplicaTroubles({ runner }: { runner: Runner }) {
  const dialog = useDialog<RunnerDialog>();
  const now = useNow();
  const isNews = ({ duplicateSeenAt }: Replica) =>
    duplicateSeenAt !== null && now - Date.parse(duplicateSeenAt) < DUPLICATE_IS_NEWS_MS;
  return (
    <>
      {runner.replicas.filter(isNews).map((replica) => (
        <Alert
          key={`duplicate ${replica.id}`}
          color="red"
          variant="light"
          mb="md"
          icon={<IconCopyX aria-hidden />}
          title="Two processes use one identity"
        >
          <Text size="sm">
            <RelativeTime at={replica.duplicateSeenAt} /> another process connected as the replica on {replica.hostname}
            {replica.address !== null && `, whose last connection came from ${replica.address}`}. The younger one takes
            the connection from the older.
          </Text>
          <Text size="sm" mt={4}>
            Usually the folder of the agent, or the whole virtual machine, was copied. Stop the copy, and give its host
            an identity of its own: download the package again and start it there. If you do not know who runs the other
            one, regenerate the credentials: both are turned away then, and only a fresh package gets in.
          </Text>
          <Group gap="xs" mt="xs">
            <ActionButton size="compact-sm" variant="default" onClick={() => dialog.open('download')}>
              Download
            </ActionButton>
            <ActionButton size="compact-sm" variant="default" onClick={() => dialog.open('regenerate')}>
              Regenerate credentials
            </ActionButton>
          </Group>
        </Alert>
      ))}
      {runner.replicas.map(
        ({ id, hostname, skewMs }) =>
          clockIsOff(skewMs) && (
            <Alert
              key={`clock ${id}`}
              color="orange"
              variant="light"
              mb="md"
              icon={<IconClockExclamation aria-hidden />}
              title={`The clock of ${hostname} is ${clockWords(skewMs)}`}
            >
              Compared with the coordinator. Times in the output are by that clock, so they do not fit the others. Set
              the host to the right time (NTP); the agent notices by itself.
            </Alert>
          ),
      )}
      <RunnerDialogs runner={runner} open={dialog.name} onClose={dialog.close} />
    </>
  );
}
