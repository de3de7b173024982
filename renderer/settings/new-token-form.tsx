import { Alert, Button, Group, Radio, Select, Stack, TextInput } from '@mantine/core';
import { IconEyeExclamation } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { NewTokenSchema } from '../../protocol/api/identity.ts';
import { fieldsOf, OutrunnerError } from '../../protocol/problems.ts';
import { tokenMutations } from '../api/token-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { CopyLine } from '../ui/copy-button.tsx';
import { fieldErrors } from '../ui/field-errors.ts';
import { ProblemAlert } from '../ui/problem-alert.tsx';

const LIFETIMES = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: '1 year' },
  { value: 'never', label: 'Never' },
];

/** Asks what the token is for, and shows its secret once. */
export function NewTokenForm({ onDone }: { onDone: () => void }) {
  const create = useMutation(tokenMutations.create());
  const [name, setName] = useState('');
  const [scope, setScope] = useState<string>('read');
  const [days, setDays] = useState('90');
  const [tried, setTried] = useState(false);
  const checked = NewTokenSchema.safeParse({ name, scope, expiresInDays: days === 'never' ? null : Number(days) });
  const refused = create.error instanceof OutrunnerError ? create.error.fields : [];
  const errors = fieldErrors([...(checked.success || !tried ? [] : fieldsOf(checked.error)), ...refused]);

  if (create.data) {
    return (
      <Stack gap="sm">
        <Alert color="orange" variant="light" icon={<IconEyeExclamation aria-hidden />} title="Copy it now">
          The secret is shown this once. The coordinator keeps only a hash of it.
        </Alert>
        <CopyLine value={create.data.secret} what="secret" />
        <Group justify="flex-end">
          <Button onClick={onDone}>I have copied it</Button>
        </Group>
      </Stack>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (checked.success) create.mutate(checked.data);
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <TextInput
          label="Name"
          description="What it is for, to recognise it later."
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={errors.name}
          required
          autoComplete="off"
          data-autofocus
        />
        <Radio.Group label="Scope" value={scope} onChange={setScope} error={errors.scope}>
          <Stack gap={8} mt={6}>
            <Radio
              size="xs"
              value="read"
              label="Read only"
              description="It sees everything that you see and changes nothing."
            />
            <Radio size="xs" value="full" label="Full" description="It may do all that you may do." />
          </Stack>
        </Radio.Group>
        <Select
          label="Expires after"
          data={LIFETIMES}
          value={days}
          onChange={(value) => setDays(value ?? '90')}
          error={errors.expiresInDays}
        />
        {create.error && <ProblemAlert error={create.error} shownFields={(path) => path in errors} />}
        <Group justify="flex-end">
          <ActionButton needs="read" type="submit" loading={create.isPending}>
            Create token
          </ActionButton>
        </Group>
      </Stack>
    </form>
  );
}
