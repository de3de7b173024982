import { Button, FileButton, Group, PasswordInput, SegmentedControl, Stack, Text, Textarea } from '@mantine/core';
import { IconFileUpload } from '@tabler/icons-react';
import { useId } from 'react';
import { toastProblem } from '../../ui/toast.tsx';
import type { SshDraft } from './ssh-draft.ts';

interface Props {
  readonly draft: SshDraft;
  /** Whether it is this computer that connects. */
  readonly fromHere: boolean;
  readonly change: (part: Partial<SshDraft>) => void;
  readonly errorOf: (path: string) => string | undefined;
}

const METHODS = [
  { value: 'password', label: 'Password' },
  { value: 'key', label: 'Private key' },
  { value: 'agent', label: 'SSH agent' },
  { value: 'questions', label: 'The host asks' },
];
/** More than any private key. */
const LARGEST_KEY = 64_000;

/** How to sign in on the host: a password, a key that is pasted or read from a file, or the coordinator's SSH agent. */
export function SignInFields({ draft, fromHere, change, errorOf }: Props) {
  const label = useId();
  return (
    <Stack gap={6}>
      <Text size="sm" fw={600} id={label}>
        Sign in with
      </Text>
      <SegmentedControl
        data={METHODS}
        value={draft.method}
        onChange={(method) => change({ method: method as SshDraft['method'] })}
        aria-labelledby={label}
      />
      {draft.method === 'password' && (
        <PasswordInput
          label="Password"
          description="sudo gets it too, where it asks for one"
          value={draft.password}
          onChange={(event) => change({ password: event.currentTarget.value })}
          error={errorOf('auth.password')}
          required
          autoComplete="off"
        />
      )}
      {draft.method === 'key' && <KeyFields draft={draft} change={change} errorOf={errorOf} />}
      {draft.method === 'agent' && (
        <Text size="sm" c="dimmed">
          {fromHere
            ? 'The keys of your SSH agent on this computer.'
            : 'The keys of the SSH agent that the coordinator was started with. The embedded coordinator has yours.'}
        </Text>
      )}
      {draft.method === 'questions' && (
        <Text size="sm" c="dimmed">
          Nothing is sent beforehand. What the host asks, a password or a code, is asked here when it does. A code after
          a password or a key is asked with those, too.
        </Text>
      )}
    </Stack>
  );
}

function KeyFields({ draft, change, errorOf }: Omit<Props, 'fromHere'>) {
  const read = (file: File | null) => {
    if (file === null) return;
    if (file.size > LARGEST_KEY) {
      toastProblem('The file was not read', new Error(`${file.name} is too large for a private key.`));
      return;
    }
    file.text().then(
      (privateKey) => change({ privateKey }),
      (error: unknown) => toastProblem('The file could not be read', error),
    );
  };
  return (
    <>
      <Textarea
        label="Private key"
        description="Paste it, or choose its file"
        placeholder="-----BEGIN OPENSSH PRIVATE KEY-----"
        value={draft.privateKey}
        onChange={(event) => change({ privateKey: event.currentTarget.value })}
        error={errorOf('auth.privateKey')}
        required
        rows={3}
        spellCheck={false}
        autoComplete="off"
      />
      <Group justify="flex-start">
        <FileButton onChange={read}>
          {(props) => (
            <Button
              {...props}
              size="compact-sm"
              variant="default"
              leftSection={<IconFileUpload size={15} aria-hidden />}
            >
              Choose file…
            </Button>
          )}
        </FileButton>
      </Group>
      <PasswordInput
        label="Passphrase of the key"
        description="Leave empty when it has none"
        value={draft.passphrase}
        onChange={(event) => change({ passphrase: event.currentTarget.value })}
        error={errorOf('auth.passphrase')}
        autoComplete="off"
      />
    </>
  );
}
