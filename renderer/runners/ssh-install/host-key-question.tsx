import { Alert, Code, Group, Stack, Text } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { SshInstall } from '../../../protocol/api/ssh-installs.ts';
import { sshInstallMutations } from '../../api/ssh-install-queries.ts';
import { ActionButton } from '../../ui/action-button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { ProblemAlert } from '../../ui/problem-alert.tsx';
import { toastDone } from '../../ui/toast.tsx';
import classes from './host-key-question.module.css';
import { useSshPlaces } from './use-ssh-places.ts';

/** Shows the key of a host that nobody knows yet, and what to compare it with. */
export function HostKeyQuestion({ install }: { install: SshInstall }) {
  const answer = useMutation(sshInstallMutations.answerHostKey(useSshPlaces(), install));
  const { hostKey } = install;
  if (hostKey === null) return null;
  const say = (accept: boolean) => answer.mutate({ accept, fingerprint: hostKey.fingerprint });
  return (
    <Alert color="orange" variant="light" icon={<IconFingerprint aria-hidden />} title="Is this the right host?">
      <Stack gap="xs">
        <Text size="sm">
          Nobody has installed on {install.host} from {install.from === 'console' ? 'this computer' : 'the coordinator'}{' '}
          before. Its {hostKey.type} key has this fingerprint:
        </Text>
        <Fingerprint value={hostKey.fingerprint} />
        <Text size="sm">
          Compare it with what the host itself says: <Code>ssh-keygen -lf /etc/ssh/{fileOf(hostKey.type)}</Code>. It is
          remembered, and nothing is sent before you confirm it.
        </Text>
        {answer.error && <ProblemAlert error={answer.error} />}
        <Group gap="xs">
          <ActionButton loading={answer.isPending} onClick={() => say(true)}>
            It is the right one
          </ActionButton>
          <ActionButton variant="default" onClick={() => say(false)}>
            It is not
          </ActionButton>
        </Group>
      </Stack>
    </Alert>
  );
}

/** Shows both keys of a host whose key is another one than before, and the way to forget the old one. */
export function ChangedHostKey({ install, onForgotten }: { install: SshInstall; onForgotten: () => void }) {
  const forget = useMutation(sshInstallMutations.forgetHostKey(useSshPlaces(), install));
  const { hostKey, knownHostKey } = install;
  if (hostKey === null || knownHostKey === null) return null;
  return (
    <Stack gap="xs">
      <Text size="sm">Known and confirmed ({knownHostKey.type}):</Text>
      <Fingerprint value={knownHostKey.fingerprint} />
      <Text size="sm">What answers now ({hostKey.type}):</Text>
      <Fingerprint value={hostKey.fingerprint} />
      {forget.error && <ProblemAlert error={forget.error} />}
      <Group>
        <ActionButton
          color="red.9"
          loading={forget.isPending}
          onClick={() =>
            forget.mutate(knownHostKey.id, {
              onSuccess: () => {
                toastDone(`The old key of ${install.host} is forgotten. The new one is asked about.`);
                onForgotten();
              },
            })
          }
        >
          The host was set up again: forget the old key
        </ActionButton>
      </Group>
    </Stack>
  );
}

function Fingerprint({ value }: { value: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <Code fz={13} className={classes.fingerprint}>
        {value}
      </Code>
      <CopyButton value={value} what="fingerprint" />
    </Group>
  );
}

/** Where OpenSSH keeps the public half of a key of this type. */
function fileOf(type: string): string {
  if (type.startsWith('ecdsa')) return 'ssh_host_ecdsa_key.pub';
  return type === 'ssh-rsa' ? 'ssh_host_rsa_key.pub' : 'ssh_host_ed25519_key.pub';
}
