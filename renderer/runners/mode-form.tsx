import { Group, Select, Stack, Text, Textarea } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Runner } from '../../protocol/api/runners.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { coordinatorNow } from '../api/coordinator-clock.ts';
import { runnerMutations } from '../api/runner-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { fieldErrors } from '../ui/field-errors.ts';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { toastDone } from '../ui/toast.tsx';
import { UntilInput } from './until-input.tsx';

interface Props {
  readonly runner: Runner;
  readonly mode: 'paused' | 'draining';
  readonly onDone: () => void;
}

const LENGTHS = [
  { value: 'open', label: 'Until somebody resumes it' },
  { value: '1', label: 'For 1 hour' },
  { value: '4', label: 'For 4 hours' },
  { value: '24', label: 'For 24 hours' },
  { value: 'time', label: 'Until a date and time…' },
];

const WHAT = {
  paused: 'It takes no new work. What runs there goes on.',
  draining: 'It takes no new work and finishes what it has; then it is paused, and its host can be worked on.',
} as const;

/** Why, and until when, a Runner is to take no new work. */
export function ModeForm({ runner, mode, onDone }: Props) {
  const setMode = useMutation(runnerMutations.setMode());
  const [reason, setReason] = useState('');
  const [length, setLength] = useState('open');
  const [until, setUntil] = useState('');

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setMode.mutate(
      { id: runner.id, mode, reason, until: endOf(length, until) },
      {
        onSuccess: () => {
          toastDone(mode === 'draining' ? `${runner.name} drains: it takes no new work` : `${runner.name} is paused`);
          onDone();
        },
      },
    );
  };
  const errors = fieldErrors(setMode.error instanceof OutrunnerError ? setMode.error.fields : []);

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Text size="sm">
          {WHAT[mode]} {loadWords(runner)}
        </Text>
        <Textarea
          label="Reason"
          description="Everybody who wonders why it gets no work sees this."
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          error={errors.reason}
          maxLength={500}
          autosize
          minRows={2}
          required
          data-autofocus
        />
        <Select label="Until" data={LENGTHS} value={length} onChange={(value) => setLength(value ?? 'open')} />
        {length === 'time' && <UntilInput value={until} onChange={setUntil} error={errors.until} />}
        {setMode.error && <ProblemAlert error={setMode.error} shownFields={(path) => path in errors} />}
        <Group justify="flex-end">
          <ActionButton type="submit" loading={setMode.isPending}>
            {mode === 'paused' ? 'Pause Runner' : 'Drain Runner'}
          </ActionButton>
        </Group>
      </Stack>
    </form>
  );
}

function loadWords({ load: { running, queued } }: Runner): string {
  if (running + queued === 0) return 'Nothing runs there now.';
  return `Now ${running} ${running === 1 ? 'operation runs' : 'operations run'} there${queued > 0 ? ` and ${queued} wait there for their turn` : ''}.`;
}

function endOf(length: string, until: string): string | null {
  if (length === 'open') return null;
  if (length === 'time') return until === '' ? null : new Date(until).toISOString();
  return new Date(coordinatorNow() + Number(length) * 3_600_000).toISOString();
}
