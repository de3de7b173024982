import { Group, NumberInput, Radio, Stack, Text } from '@mantine/core';
import { useId } from 'react';
import { type OutputLimit, OutputLimitSchema } from '../../protocol/operation.ts';
import { SizeInput } from '../ui/size-input.tsx';
import { errorBelow, type FieldErrors } from './job-draft.ts';
import classes from './jobs.module.css';

interface Props {
  readonly value: OutputLimit;
  readonly onChange: (limit: OutputLimit) => void;
  readonly errors: FieldErrors;
}

const ACTIONS = {
  truncate: { label: 'Cut the output and go on', description: 'What follows is not recorded; the steps go on.' },
  stop: { label: 'Stop and fail', description: 'The steps are stopped, and the execution fails.' },
} as const;

/** How much an execution may print, in bytes and lines, and what happens then. */
export function OutputLimitFields({ value, onChange, errors }: Props) {
  const id = useId();
  const limited = value.bytes !== 0 || value.lines !== 0;
  return (
    <fieldset className={classes.fieldset} aria-describedby={id}>
      <legend>Output limit</legend>
      <Stack gap={6}>
        <Text size="xs" c="dimmed" id={id}>
          How much one execution may print, over all its steps. It guards the disks against a step that prints without
          an end. A mark in the output shows where it was reached.
        </Text>
        <Group gap="md" align="flex-start">
          <SizeInput
            label="Size"
            value={value.bytes}
            onChange={(bytes) => onChange({ ...value, bytes })}
            error={errorBelow(errors, 'outputLimit.bytes')}
          />
          <NumberInput
            label="Lines"
            placeholder="No limit"
            value={value.lines === 0 ? '' : value.lines}
            onChange={(lines) => onChange({ ...value, lines: Number(lines) })}
            min={0}
            allowDecimal={false}
            allowNegative={false}
            clampBehavior="none"
            thousandSeparator
            hideControls
            error={errorBelow(errors, 'outputLimit.lines')}
            w={160}
          />
        </Group>
        {limited && (
          <Radio.Group
            label={
              value.bytes !== 0 && value.lines !== 0 ? 'When the first of the two is reached' : 'When it is reached'
            }
            value={value.action}
            onChange={(action) => onChange({ ...value, action: OutputLimitSchema.shape.action.parse(action) })}
            error={errorBelow(errors, 'outputLimit.action')}
          >
            <Stack gap={8} mt={6}>
              {(['truncate', 'stop'] as const).map((action) => (
                <Radio key={action} value={action} size="xs" {...ACTIONS[action]} />
              ))}
            </Stack>
          </Radio.Group>
        )}
      </Stack>
    </fieldset>
  );
}
