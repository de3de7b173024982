import { Alert, Code, Group, Stack, Text } from '@mantine/core';
import { IconKey, IconRefresh } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { Trust } from '../../protocol/api/trust.ts';
import { trustMutations } from '../api/trust-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { Facts } from '../ui/facts.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import { Section } from '../ui/section.tsx';
import { toastDone } from '../ui/toast.tsx';
import { useDialog } from '../ui/use-dialog.ts';
import { replicaCount } from '../upgrades/upgrade-look.ts';
import { behindCount } from './behind-words.ts';

const ICON = { size: 16, 'aria-hidden': true } as const;

/** The signing key: since when, the one before it while both are taken, and what can be done now. */
export function KeySection({ trust }: { trust: Trust }) {
  const { key, previousKey } = trust;
  const dialog = useDialog<'rotate' | 'retire'>();
  return (
    <Section
      title="Signing key"
      action={
        previousKey === null ? (
          <ActionButton variant="default" leftSection={<IconRefresh {...ICON} />} onClick={() => dialog.open('rotate')}>
            Rotate key…
          </ActionButton>
        ) : (
          <ActionButton leftSection={<IconKey {...ICON} />} onClick={() => dialog.open('retire')}>
            Retire old key…
          </ActionButton>
        )
      }
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          Each order to a Runner is signed with it; a Runner takes no others.
        </Text>
        <Facts
          facts={[
            { term: 'Key', value: <Code>{key.publicKey}</Code> },
            {
              term: 'In use since',
              value: key.since === null ? 'the coordinator was set up' : <RelativeTime at={key.since} />,
            },
            ...(previousKey === null
              ? []
              : [{ term: 'Old key, still taken', value: <Code>{previousKey.publicKey}</Code> }]),
          ]}
        />
        {previousKey !== null && <Overlap trust={trust} />}
      </Stack>
      <RotateDialog trust={trust} opened={dialog.name === 'rotate'} onClose={dialog.close} />
      <RetireDialog trust={trust} opened={dialog.name === 'retire'} onClose={dialog.close} />
    </Section>
  );
}

/** How far the Runners are, and what comes next. */
function Overlap({ trust }: { trust: Trust }) {
  const { total, unable } = trust.replicas;
  const known = total - behindCount(trust);
  return (
    <Alert color={unable > 0 ? 'orange' : 'blue'} variant="light" p="sm">
      <Group gap="xs" role="status">
        <Text size="sm">
          {total === 0
            ? 'No Runner has to learn the new key.'
            : `${known.toLocaleString()} of ${replicaCount(total)} know the new key.`}{' '}
          {next(trust)}
        </Text>
      </Group>
    </Alert>
  );
}

function next(trust: Trust): string {
  const { unable } = trust.replicas;
  if (unable > 0) return `${replicaCount(unable)} cannot learn it: see below before you retire the old one.`;
  if (behindCount(trust) === 0) return 'The old one can be retired.';
  return 'The old one can be retired; who is away learns the new one when it is back.';
}

interface DialogProps {
  readonly opened: boolean;
  readonly onClose: () => void;
}

function RotateDialog({ trust, opened, onClose }: DialogProps & { trust: Trust }) {
  const pinned = trust.replicas.pinned ?? 0;
  const rotate = useMutation(trustMutations.rotate());
  const close = () => {
    rotate.reset();
    onClose();
  };
  return (
    <ConfirmDialog
      opened={opened}
      title="Rotate the signing key?"
      confirm="Rotate key"
      pending={rotate.isPending}
      error={rotate.error}
      onClose={close}
      onConfirm={() =>
        rotate.mutate(undefined, {
          onSuccess: () => {
            toastDone('The key was rotated');
            close();
          },
        })
      }
    >
      The coordinator makes a new key, and the present one vouches for it. Connected Runners learn it at once, the
      others when they connect; nothing that runs is touched, and downloads of before go on to work. The old key is
      taken as well until you retire it.
      {pinned > 0 && (
        <Text inherit mt="xs" fw={600}>
          {pinnedWords(pinned)}
        </Text>
      )}
    </ConfirmDialog>
  );
}

/** A version that knows one key for good does not start either on a host that has learned another: there is no way back. */
function pinnedWords(count: number): string {
  const [its, them, go] = count === 1 ? ['its', 'it', 'it goes'] : ['their', 'them', 'they go'];
  return (
    `${replicaCount(count)} cannot learn the new key: ${its} version knows one for good. Upgrade ${them} first; ` +
    `until then ${go} on with the old key, and no host can go back to such a version once it has learned the new one.`
  );
}

function RetireDialog({ trust, opened, onClose }: DialogProps & { trust: Trust }) {
  const retire = useMutation(trustMutations.retire());
  const { unable, away, told, refused } = trust.replicas;
  const later = away + told + refused;
  const close = () => {
    retire.reset();
    onClose();
  };
  return (
    <ConfirmDialog
      opened={opened}
      title="Retire the old key?"
      confirm="Retire old key"
      dangerous
      typeToConfirm={unable > 0 ? `leave ${unable} behind` : undefined}
      pending={retire.isPending}
      error={retire.error}
      onClose={close}
      onConfirm={() =>
        retire.mutate(unable > 0, {
          onSuccess: () => {
            toastDone('The old key was retired');
            close();
          },
        })
      }
    >
      It is destroyed, and no Runner takes it any more. This cannot be undone; a backup of the coordinator from before
      the rotation is of no use to these Runners from then on.
      {later > 0 && (
        <Text inherit mt="xs">
          {replicaCount(later)} {later === 1 ? 'does' : 'do'} not know the new key yet, and{' '}
          {later === 1 ? 'learns' : 'learn'} it with the next connection.
        </Text>
      )}
      {unable > 0 && (
        <Text inherit mt="xs" fw={600}>
          {replicaCount(unable)} cannot learn the new key, and will do nothing more until{' '}
          {unable === 1 ? 'it is' : 'they are'} downloaded again. Upgrade {unable === 1 ? 'it' : 'them'} first.
        </Text>
      )}
    </ConfirmDialog>
  );
}
