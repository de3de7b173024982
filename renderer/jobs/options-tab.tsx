import {
  ActionIcon,
  Button,
  Checkbox,
  Code,
  Group,
  Paper,
  Stack,
  Text,
  Textarea,
  TextInput,
  Tooltip,
} from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { optionEnvironmentName } from '../../protocol/operation.ts';
import { CopyButton } from '../ui/copy-button.tsx';
import { errorBelow, type FieldErrors, newOption, type OptionDraft } from './job-draft.ts';

interface Props {
  readonly options: readonly OptionDraft[];
  readonly onChange: (options: OptionDraft[]) => void;
  readonly errors: FieldErrors;
}

/** What a run is asked for, and under which name a step finds it. */
export function OptionsTab({ options, onChange, errors }: Props) {
  return (
    <Stack gap="sm" align="flex-start">
      <Text size="sm" c="dimmed">
        Options are asked for when the job is run. Every step finds them in its environment.
      </Text>
      {options.map((option, index) => (
        <OptionForm
          key={option.key}
          option={option}
          number={index + 1}
          path={`options.${index}`}
          errors={errors}
          onChange={(change) => onChange(options.map((one) => (one.key === option.key ? { ...one, ...change } : one)))}
          onRemove={() => onChange(options.filter(({ key }) => key !== option.key))}
        />
      ))}
      <Button
        variant="default"
        leftSection={<IconPlus size={16} aria-hidden />}
        onClick={() => onChange([...options, newOption()])}
      >
        Add option
      </Button>
    </Stack>
  );
}

interface OptionFormProps {
  readonly option: OptionDraft;
  readonly number: number;
  readonly path: string;
  readonly errors: FieldErrors;
  readonly onChange: (change: Partial<OptionDraft>) => void;
  readonly onRemove: () => void;
}

function OptionForm({ option, number, path, errors, onChange, onRemove }: OptionFormProps) {
  const error = (field: string) => errorBelow(errors, `${path}.${field}`);
  const environment = option.name === '' ? '' : optionEnvironmentName(option.name);
  return (
    <Paper withBorder p="sm" w="100%" component="fieldset" aria-label={`Option ${number}`} m={0}>
      <Group gap="sm" align="flex-start" wrap="nowrap">
        <TextInput
          label="Name"
          required
          w={190}
          value={option.name}
          onChange={(event) => onChange({ name: event.currentTarget.value })}
          error={error('name')}
          autoComplete="off"
          spellCheck={false}
        />
        <TextInput
          label="Description"
          flex={1}
          value={option.description}
          onChange={(event) => onChange({ description: event.currentTarget.value })}
          error={error('description')}
        />
        <Tooltip label={`Remove option ${number}`}>
          <ActionIcon mt={24} aria-label={`Remove option ${number}`} onClick={onRemove}>
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        </Tooltip>
      </Group>
      <Group gap="sm" align="flex-start" mt="xs" wrap="nowrap">
        <Textarea
          label="Default value"
          autosize
          minRows={1}
          maxRows={6}
          flex={1}
          value={option.value}
          onChange={(event) => onChange({ value: event.currentTarget.value })}
          error={error('value')}
          spellCheck={false}
        />
        <Checkbox
          label="Required"
          mt={30}
          checked={option.required}
          onChange={(event) => onChange({ required: event.currentTarget.checked })}
        />
      </Group>
      {environment !== '' && (
        <Group gap={4} mt={6}>
          <Text size="xs" c="dimmed">
            In a step: <Code>{environment}</Code>
          </Text>
          <CopyButton value={environment} what="environment name" />
        </Group>
      )}
    </Paper>
  );
}
