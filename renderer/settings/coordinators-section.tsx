import { Badge, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Profile } from '../../protocol/ipc.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { ProfilePort } from '../host/host.ts';
import { profileMutations, profileQueries } from '../host/profile-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { fieldErrors } from '../ui/field-errors.ts';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { Section } from '../ui/section.tsx';
import { toastProblem } from '../ui/toast.tsx';

/** The coordinators that the desktop console knows: change over, add, forget. */
export function CoordinatorsSection({ port }: { port: ProfilePort }) {
  const known = useQuery(profileQueries.list(port));
  return (
    <Section title="Coordinators">
      <DataState query={known}>
        {({ active, profiles }) => (
          <Stack gap="md">
            <Stack gap="xs">
              {profiles.map((profile) => (
                <ProfileLine key={profile.id} port={port} profile={profile} active={profile.id === active} />
              ))}
            </Stack>
            <AddForm port={port} />
          </Stack>
        )}
      </DataState>
    </Section>
  );
}

function ProfileLine({ port, profile, active }: { port: ProfilePort; profile: Profile; active: boolean }) {
  const use = useMutation(profileMutations.use(port));
  const remove = useMutation(profileMutations.remove(port));
  const failed = (error: unknown) => toastProblem(`${profile.label} could not be changed`, error);
  return (
    <Group justify="space-between" wrap="nowrap">
      <div>
        <Group gap="xs">
          <Text size="sm" fw={600}>
            {profile.label}
          </Text>
          {active && <Badge variant="default">in use</Badge>}
        </Group>
        <Text size="xs" c="dimmed">
          {profile.kind === 'embedded' ? 'On this computer' : profile.url}
          {profile.signedIn && !profile.remembered && ' · signed in until the console is closed'}
        </Text>
      </div>
      <Group gap="xs" wrap="nowrap">
        {!active && (
          <Button
            size="compact-sm"
            variant="default"
            loading={use.isPending}
            onClick={() => use.mutate(profile.id, { onError: failed })}
            aria-label={`Use ${profile.label}`}
          >
            Use
          </Button>
        )}
        {profile.kind === 'remote' && (
          <Button
            size="compact-sm"
            variant="default"
            loading={remove.isPending}
            onClick={() => remove.mutate(profile.id, { onError: failed })}
            aria-label={`Forget ${profile.label}`}
          >
            Forget
          </Button>
        )}
      </Group>
    </Group>
  );
}

function AddForm({ port }: { port: ProfilePort }) {
  const add = useMutation(profileMutations.add(port));
  const [url, setUrl] = useState('');
  const [label, setLabel] = useState('');
  const errors = fieldErrors(add.error instanceof OutrunnerError ? add.error.fields : []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate({ url: url.trim(), label: label.trim() });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Group gap="xs" align="flex-start" grow>
          <TextInput
            label="Address"
            placeholder="https://outrunner.example.org"
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
            error={errors.url}
            required
          />
          <TextInput
            label="Label"
            value={label}
            onChange={(event) => setLabel(event.currentTarget.value)}
            error={errors.label}
          />
        </Group>
        {add.error && <ProblemAlert error={add.error} shownFields={(path) => path in errors} />}
        <Group justify="flex-end">
          <Button type="submit" loading={add.isPending} disabled={url.trim() === ''}>
            Add coordinator
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
