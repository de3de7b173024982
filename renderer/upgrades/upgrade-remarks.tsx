import { Alert, List, Text } from '@mantine/core';
import { IconAlertTriangle, IconBan, IconPlayerPause } from '@tabler/icons-react';
import type { Upgrade, UpgradeReplica } from '../../protocol/api/upgrades.ts';

/** More are counted; each is in its ring below. */
const NAMED = 5;

/** What a person has to know: why it is paused and what can be done, and why agents have failed. */
export function UpgradeRemarks({ upgrade }: { upgrade: Upgrade }) {
  const failed = upgrade.replicas.filter(({ phase }) => phase === 'failed');
  if (upgrade.state === 'paused') return <Paused upgrade={upgrade} failed={failed} />;
  return (
    <>
      {upgrade.state === 'cancelled' && (
        <Alert color="gray" variant="light" icon={<IconBan aria-hidden />} title="Cancelled">
          {upgrade.reason} Agents that had not begun to switch keep their version.
        </Alert>
      )}
      {failed.length > 0 && (
        <Alert color="red" variant="light" icon={<IconAlertTriangle aria-hidden />} title={failedTitle(failed.length)}>
          <Failures failed={failed} />
          <Text size="sm" mt={4}>
            {failed.length === 1 ? 'It runs' : 'They run'} the version of before. Put right what stands in the way, then
            upgrade {failed.length === 1 ? 'it' : 'them'} again.
          </Text>
        </Alert>
      )}
    </>
  );
}

function Paused({ upgrade, failed }: { upgrade: Upgrade; failed: readonly UpgradeReplica[] }) {
  // Of one alone the reason says it already.
  const isSaid = failed.length === 1 && (upgrade.reason ?? '').includes(failed[0]?.detail ?? '');
  const { pending } = upgrade.counts;
  return (
    <Alert
      color="orange"
      variant="light"
      icon={<IconPlayerPause aria-hidden />}
      title={`Paused: ${upgrade.reason ?? ''}`}
    >
      {failed.length > 0 && !isSaid && <Failures failed={failed} />}
      <Text size="sm">
        {pending === 0
          ? 'Every agent has begun already, and those under way go on: Resume lets the upgrade end by itself. '
          : `No further agent begins: ${pending === 1 ? 'one waits for its turn' : `${pending.toLocaleString()} wait for their turn`}. Those under way go on. Resume goes on with the next${failed.length > 0 ? ', and leaves those that failed on the version of before' : ''}. `}
        Cancel ends the upgrade, and whoever has not begun to switch keeps its version.
      </Text>
    </Alert>
  );
}

function failedTitle(count: number): string {
  return count === 1 ? 'One replica failed' : `${count.toLocaleString()} replicas failed`;
}

function Failures({ failed }: { failed: readonly UpgradeReplica[] }) {
  return (
    <List size="sm" spacing={2}>
      {failed.slice(0, NAMED).map(({ replica, runnerName, hostname, detail }) => (
        <List.Item key={replica}>
          <b>{runnerName}</b> on {hostname}: {detail}
        </List.Item>
      ))}
      {failed.length > NAMED && <List.Item>and {(failed.length - NAMED).toLocaleString()} more, see below</List.Item>}
    </List>
  );
}
