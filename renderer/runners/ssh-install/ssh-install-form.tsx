import { Button, Checkbox, Group, NumberInput, Radio, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useId, useRef } from 'react';
import type { Runner } from '../../../protocol/api/runners.ts';
import { NewSshInstallSchema } from '../../../protocol/api/ssh-installs.ts';
import { fieldsOf, OutrunnerError } from '../../../protocol/problems.ts';
import { sshInstallMutations, type WhichInstall } from '../../api/ssh-install-queries.ts';
import { ActionButton } from '../../ui/action-button.tsx';
import { Folded } from '../../ui/folded.tsx';
import { ProblemAlert } from '../../ui/problem-alert.tsx';
import { ConnectionFields, connectionProblems } from '../install/connection-fields.tsx';
import { SignInFields } from './sign-in-fields.tsx';
import { draftRequest, partsOfHost, type SshDraft } from './ssh-draft.ts';
import { useSshPlaces } from './use-ssh-places.ts';

interface Props {
  readonly runner: Runner;
  readonly draft: SshDraft;
  readonly onChange: (draft: SshDraft) => void;
  readonly onStarted: (install: WhichInstall) => void;
  readonly onClose: () => void;
}

const SHOWN = [
  'host',
  'port',
  'user',
  'auth.password',
  'auth.privateKey',
  'auth.passphrase',
  'sudoPassword',
  'name',
  'proxy',
  'ca',
];
const PLACES = [
  { value: 'console', label: 'This computer' },
  { value: 'coordinator', label: 'The coordinator' },
];

/** Where to, how to sign in, and for whom it is installed. */
export function SshInstallForm({ runner, draft, onChange, onStarted, onClose }: Props) {
  const places = useSshPlaces();
  const start = useMutation(sshInstallMutations.start(places));
  const from = places.console === null ? 'coordinator' : draft.from;
  const fromLabel = useId();
  const host = useRef<HTMLInputElement>(null);
  // The dialog is open before the form is there: its own focus came too early.
  useEffect(() => host.current?.focus(), []);
  const change = (part: Partial<SshDraft>) => {
    start.reset();
    onChange({ ...draft, ...part });
  };
  const errorOf = (path: string) =>
    start.error instanceof OutrunnerError
      ? start.error.fields.find((field) => field.path === path)?.message
      : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!start.isPending)
      start.mutate({ runner: runner.id, install: draftRequest(draft), from }, { onSuccess: onStarted });
  };
  const problems = connectionProblems(draft.connection);
  const others = start.error !== null && !(start.error instanceof OutrunnerError && allShown(start.error));
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {places.console !== null && (
          <Group gap="sm">
            <Text size="sm" fw={600} id={fromLabel}>
              Connect from
            </Text>
            <SegmentedControl
              data={PLACES}
              value={draft.from}
              onChange={(value) => change({ from: value === 'console' ? 'console' : 'coordinator' })}
              aria-labelledby={fromLabel}
            />
          </Group>
        )}
        <Group gap="sm" align="flex-start" wrap="nowrap">
          <TextInput
            label="Host"
            description={`Name or address, as ${from === 'console' ? 'this computer' : 'the coordinator'} sees it`}
            value={draft.host}
            onChange={(event) => change(partsOfHost(event.currentTarget.value))}
            error={errorOf('host')}
            required
            flex={1}
            ref={host}
            spellCheck={false}
            autoComplete="off"
          />
          <NumberInput
            label="Port"
            description="Usually 22"
            value={draft.port}
            onChange={(port) => change({ port })}
            error={errorOf('port')}
            min={1}
            max={65_535}
            hideControls
            allowDecimal={false}
            w={96}
            required
          />
          <TextInput
            label="User"
            description="root, or with sudo"
            value={draft.user}
            onChange={(event) => change({ user: event.currentTarget.value })}
            error={errorOf('user')}
            required
            w={190}
            spellCheck={false}
            autoComplete="off"
          />
        </Group>
        <SignInFields draft={draft} fromHere={from === 'console'} change={change} errorOf={errorOf} />
        <Radio.Group
          label="Install for"
          value={draft.mode}
          onChange={(mode) => change({ mode: mode === 'user' ? 'user' : 'system' })}
        >
          <Stack gap={6} mt={4}>
            <Radio
              value="system"
              label="The whole host"
              description="A service with a user of its own, started with the host. Needs root or sudo."
            />
            <Radio
              value="user"
              label="This user alone"
              description="Needs neither root nor sudo; jobs run with the rights of this user."
            />
          </Stack>
        </Radio.Group>
        <div>
          <Folded label="More" forced={errorOf('sudoPassword') !== undefined || errorOf('name') !== undefined}>
            <Stack gap="sm" pt={6} pb="xs">
              {draft.mode === 'system' && (
                <TextInput
                  type="password"
                  label="Password for sudo"
                  description="Only where sudo asks for another one than the sign-in"
                  value={draft.sudoPassword}
                  onChange={(event) => change({ sudoPassword: event.currentTarget.value })}
                  error={errorOf('sudoPassword')}
                  autoComplete="off"
                />
              )}
              <TextInput
                label="Service name"
                description="Another one puts a second Runner on the same host"
                value={draft.name}
                onChange={(event) => change({ name: event.currentTarget.value })}
                error={errorOf('name')}
                spellCheck={false}
              />
              <Checkbox
                label="Start it, and wait for its first check-in"
                checked={draft.start}
                onChange={(event) => change({ start: event.currentTarget.checked })}
              />
            </Stack>
          </Folded>
          <ConnectionFields
            value={draft.connection}
            problems={{ proxy: errorOf('proxy') ?? problems.proxy, ca: errorOf('ca') ?? problems.ca }}
            onChange={(part) => change({ connection: { ...draft.connection, ...part } })}
            goesInto="what is installed"
          />
        </div>
        {others && <ProblemAlert error={start.error} shownFields={(path) => SHOWN.includes(path)} />}
        <Text size="xs" c="dimmed">
          Passwords and keys are in the memory of {from === 'console' ? 'this computer' : 'the coordinator'} while it
          installs, and nowhere else. Nothing but the Runner stays on the host.
        </Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <ActionButton type="submit" loading={start.isPending} blocked={missing(draft)}>
            Install
          </ActionButton>
        </Group>
      </Stack>
    </form>
  );
}

/** What is still to be filled in, or cannot be right. */
function missing(draft: SshDraft): string | null {
  const network = connectionProblems(draft.connection);
  if ((network.proxy ?? network.ca) !== null) return 'The proxy or the certificates are not right yet.';
  const parsed = NewSshInstallSchema.safeParse(draftRequest(draft));
  return parsed.success ? null : (fieldsOf(parsed.error)[0]?.message ?? null);
}

function allShown(error: OutrunnerError): boolean {
  return error.fields.length > 0 && error.fields.every(({ path }) => SHOWN.includes(path));
}
