import { Group, NumberInput, Stack } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { z } from 'zod';
import { type Runner, RunnerChangeSchema } from '../../protocol/api/runners.ts';
import { fieldsOf, OutrunnerError } from '../../protocol/problems.ts';
import { runnerMutations } from '../api/runner-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { fieldErrors } from '../ui/field-errors.ts';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { toastDone } from '../ui/toast.tsx';
import { DetailFields } from './detail-fields.tsx';
import { useNameClash } from './use-name-clash.ts';

/** Name, description, tags and limit of a Runner. */
export function EditRunnerForm({ runner, onDone }: { runner: Runner; onDone: () => void }) {
  const update = useMutation(runnerMutations.update());
  const [change, setChange] = useState<Required<Pick<z.input<typeof RunnerChangeSchema>, Edited>>>({
    name: runner.name,
    description: runner.description,
    tags: runner.tags,
    maxOperations: runner.maxOperations,
  });
  const [tried, setTried] = useState(false);
  const clash = useNameClash(change.name, runner.id);
  const checked = RunnerChangeSchema.safeParse(change);
  const refused = update.error instanceof OutrunnerError ? update.error.fields : [];
  const errors = fieldErrors([...(checked.success || !tried ? [] : fieldsOf(checked.error)), ...refused]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!checked.success || clash !== null) return;
    update.mutate(
      { id: runner.id, change },
      {
        onSuccess: () => {
          toastDone('The changes were saved');
          onDone();
        },
      },
    );
  };

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <DetailFields
          value={change}
          onChange={(next) => setChange({ ...change, ...next })}
          errors={{ ...errors, ...(clash === null ? {} : { name: clash }) }}
        />
        <NumberInput
          label="Maximum operations"
          description="Operations that it runs at the same time; more wait for their turn."
          value={change.maxOperations}
          onChange={(value) => setChange({ ...change, maxOperations: Number(value) })}
          min={1}
          max={1000}
          allowDecimal={false}
          error={errors.maxOperations}
        />
        {update.error && (
          <ProblemAlert error={update.error} shownFields={(path) => (path.split('.')[0] ?? '') in change} />
        )}
        <Group justify="flex-end">
          <ActionButton type="submit" loading={update.isPending}>
            Save
          </ActionButton>
        </Group>
      </Stack>
    </form>
  );
}

type Edited = 'name' | 'description' | 'tags' | 'maxOperations';
