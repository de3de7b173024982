import { Button, Center, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { useHost } from '../host/host-context.tsx';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { CoordinatorPicker } from './coordinator-picker.tsx';
import { Mark } from './mark.tsx';

/** Name and password; and what became of the sign-in link, if one brought the person here. */
export function SignInScreen({ refusal }: { refusal: unknown }) {
  const host = useHost();
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({
    mutationFn: host.signIn,
    onSuccess: () => client.resetQueries(),
    onError: () => setPassword(''),
  });
  useEffect(() => {
    document.title = 'Sign in · Outrunner';
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ name, password });
  };
  const error = signIn.error ?? (signIn.isIdle ? refusal : null);

  return (
    <Center mih="100%" p="lg" component="main">
      <Paper withBorder p="xl" w={400} maw="100%" component="form" onSubmit={submit}>
        <Stack gap="md">
          <Mark />
          <Title order={1} size="h3">
            Sign in
          </Title>
          <CoordinatorPicker />
          {error !== null && error !== undefined && <ProblemAlert error={error} />}
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="username"
            autoFocus
            required
            withAsterisk={false}
          />
          <PasswordInput
            label="Password"
            size="sm"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            autoComplete="current-password"
            required
            withAsterisk={false}
          />
          <Button type="submit" loading={signIn.isPending}>
            Sign in
          </Button>
          {host.kind === 'browser' && (
            <Text size="xs" c="dimmed">
              If you started the coordinator on this computer, use the sign-in link that it printed. It works once.
            </Text>
          )}
        </Stack>
      </Paper>
    </Center>
  );
}
