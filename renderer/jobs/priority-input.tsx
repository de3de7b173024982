import { NumberInput } from '@mantine/core';
import { useState } from 'react';

interface Props {
  readonly value: number;
  readonly onChange: (priority: number) => void;
  readonly error?: string;
  /** Instead of what a priority is. */
  readonly description?: string;
}

const WHAT = 'Among those that wait for the same Runners the higher number goes first, then the older. 0 is usual.';

/** Who goes first among those that wait: −100 to 100. */
export function PriorityInput({ value, onChange, error, description = WHAT }: Props) {
  const [typed, setTyped] = useState<number | string>(value);
  // A lone "-" stands there while the number is being typed; it is no number yet, and the rule says so.
  const shown = Object.is(Number(typed), value) ? typed : value;
  return (
    <NumberInput
      label="Priority"
      description={description}
      value={shown}
      onChange={(next) => {
        setTyped(next);
        onChange(Number(next));
      }}
      allowDecimal={false}
      clampBehavior="none"
      min={-100}
      max={100}
      step={10}
      error={error}
      w={380}
      maw="100%"
    />
  );
}
