import {
  ActionIcon,
  Autocomplete,
  Button,
  Group,
  Input,
  SegmentedControl,
  Stack,
  Textarea,
  TextInput,
} from '@mantine/core';
import { IconPlus, IconX } from '@tabler/icons-react';
import { ScriptEditor } from '../editor/script-editor.tsx';
import { errorBelow, type FieldErrors, type StepDraft } from './job-draft.ts';
import classes from './jobs.module.css';

interface Props {
  readonly step: StepDraft;
  /** Path of the step in the job: `workflow.steps.2`. */
  readonly path: string;
  readonly errors: FieldErrors;
  readonly onChange: (change: Partial<StepDraft>) => void;
}

export const INTERPRETERS = ['sh', 'bash', 'zsh', 'pwsh', 'powershell', 'python3', 'node'];

/** The fields of one step. */
export function StepForm({ step, path, errors, onChange }: Props) {
  const error = (field: string) => errorBelow(errors, `${path}.${field}`);
  return (
    <Stack gap="sm">
      <Group gap="md" align="flex-end" wrap="wrap">
        <div>
          <Input.Label labelElement="div" id={`${step.key}-type`}>
            Type
          </Input.Label>
          <div>
            <SegmentedControl
              aria-labelledby={`${step.key}-type`}
              size="xs"
              value={step.type}
              onChange={(type) => onChange({ type: type === 'script' ? 'script' : 'command' })}
              data={[
                { value: 'command', label: 'Command' },
                { value: 'script', label: 'Script' },
              ]}
            />
          </div>
        </div>
        <TextInput
          label="Label"
          placeholder="What this step does"
          flex={1}
          miw={180}
          value={step.label}
          onChange={(event) => onChange({ label: event.currentTarget.value })}
          error={error('label')}
        />
        <InterpreterField
          value={step.interpreter}
          onChange={(interpreter) => onChange({ interpreter })}
          error={error('interpreter')}
        />
      </Group>
      {step.type === 'command' ? (
        <Textarea
          label="Command"
          description="One line or more, read by the interpreter. Options are in the environment: $RD_OPTION_NAME."
          required
          autosize
          minRows={1}
          maxRows={12}
          classNames={{ input: classes.mono }}
          value={step.command}
          onChange={(event) => onChange({ command: event.currentTarget.value })}
          error={error('command')}
          spellCheck={false}
        />
      ) : (
        <>
          <ScriptEditor
            label="Script"
            required
            value={step.script}
            onChange={(script) => onChange({ script })}
            interpreter={step.interpreter}
            error={error('script')}
          />
          <ArgumentsField
            value={step.arguments}
            onChange={(next) => onChange({ arguments: next })}
            error={error('arguments')}
          />
        </>
      )}
    </Stack>
  );
}

interface InterpreterProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error?: string;
}

/** The program that reads a command or a script. */
export function InterpreterField({ value, onChange, error }: InterpreterProps) {
  return (
    <Autocomplete
      label="Interpreter"
      placeholder="sh; PowerShell on Windows"
      size="sm"
      w={210}
      value={value}
      onChange={onChange}
      data={INTERPRETERS}
      filter={({ options }) => options}
      error={error}
      autoComplete="off"
      spellCheck={false}
    />
  );
}

interface ArgumentsProps {
  readonly value: readonly string[];
  readonly onChange: (value: string[]) => void;
  readonly error?: string;
}

/** One field per argument: an argument may hold blanks, quotes and line ends as it stands. */
function ArgumentsField({ value, onChange, error }: ArgumentsProps) {
  return (
    <Input.Wrapper
      label="Arguments"
      labelElement="div"
      description="Each is handed over as it stands: no quotes are needed."
      error={error}
    >
      <Stack gap={6} mt={4} align="flex-start">
        {value.map((argument, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: arguments have no name but their place
          <Group key={index} gap={6} wrap="nowrap" w="100%">
            <Textarea
              aria-label={`Argument ${index + 1}`}
              autosize
              minRows={1}
              maxRows={4}
              flex={1}
              value={argument}
              onChange={(event) => onChange(value.map((one, at) => (at === index ? event.currentTarget.value : one)))}
              spellCheck={false}
            />
            <ActionIcon
              aria-label={`Remove argument ${index + 1}`}
              onClick={() => onChange(value.filter((_, at) => at !== index))}
            >
              <IconX size={16} aria-hidden />
            </ActionIcon>
          </Group>
        ))}
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => onChange([...value, ''])}
        >
          Add argument
        </Button>
      </Stack>
    </Input.Wrapper>
  );
}
