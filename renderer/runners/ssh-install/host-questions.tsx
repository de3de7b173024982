import { Alert, Group, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { IconMessageQuestion } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { SshInstall, SshQuestions } from '../../../protocol/api/ssh-installs.ts';
import { sshInstallMutations } from '../../api/ssh-install-queries.ts';
import { ActionButton } from '../../ui/action-button.tsx';
import { ProblemAlert } from '../../ui/problem-alert.tsx';
import { useSshPlaces } from './use-ssh-places.ts';

/** What the host asks who signs in, in its own words, and fields for the answers. */
export function HostQuestions({ install }: { install: SshInstall }) {
  // The next questions are others: nothing of these answers stays.
  return install.questions === null ? null : (
    <Questions key={install.questions.id} install={install} asked={install.questions} />
  );
}

function Questions({ install, asked }: { install: SshInstall; asked: SshQuestions }) {
  const answer = useMutation(sshInstallMutations.answerQuestions(useSshPlaces(), install));
  const [answers, setAnswers] = useState(() => asked.questions.map(() => ''));
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!answer.isPending) answer.mutate({ questions: asked.id, answers });
  };
  return (
    <Alert
      color="orange"
      variant="light"
      icon={<IconMessageQuestion aria-hidden />}
      title={asked.title === '' ? `${install.host} asks` : asked.title}
    >
      <form onSubmit={submit} noValidate>
        <Stack gap="xs">
          {asked.instructions !== '' && (
            <Text size="sm" style={{ whiteSpace: 'pre-line' }}>
              {asked.instructions}
            </Text>
          )}
          {asked.questions.map(({ text, visible }, index) => {
            const Field = visible ? TextInput : PasswordInput;
            return (
              <Field
                // biome-ignore lint/suspicious/noArrayIndexKey: they are told apart by their order alone, which stays
                key={index}
                label={text === '' ? 'Answer' : text}
                value={answers[index]}
                onChange={(event) => setAnswers(answers.with(index, event.currentTarget.value))}
                autoComplete="off"
                spellCheck={false}
                ref={index === 0 ? first : undefined}
              />
            );
          })}
          <Text size="xs" c="dimmed">
            The answers go to the host and are kept nowhere. It does not wait for long.
          </Text>
          {answer.error && <ProblemAlert error={answer.error} />}
          <Group>
            <ActionButton type="submit" loading={answer.isPending}>
              Answer
            </ActionButton>
          </Group>
        </Stack>
      </form>
    </Alert>
  );
}
