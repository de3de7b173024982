import { Group, NativeSelect, NumberInput } from '@mantine/core';
import { useState } from 'react';
import { bytesOf, SIZE_UNITS, type SizeUnit, sizeOf } from './size-unit.ts';

interface Props {
  readonly label: string;
  /** Bytes; 0: no limit, and the field is empty. */
  readonly value: number;
  readonly onChange: (bytes: number) => void;
  readonly error?: string;
}

/** A number of bytes as a number and its unit. */
export function SizeInput({ label, value, onChange, error }: Props) {
  const [typed, setTyped] = useState(() => shownOf(value));
  // What was typed stands as it is ("1.", "0,5") as long as it means the value; a value from elsewhere takes its place.
  const shown = Object.is(meaning(typed), value) ? typed : shownOf(value);
  const change = (next: Typed) => {
    setTyped(next);
    onChange(meaning(next));
  };
  return (
    <Group gap={6} align="flex-start" wrap="nowrap">
      <NumberInput
        label={label}
        placeholder="No limit"
        value={shown.amount}
        onChange={(amount) => change({ ...shown, amount })}
        min={0}
        allowNegative={false}
        decimalScale={3}
        clampBehavior="none"
        hideControls
        error={error}
        w={160}
      />
      <NativeSelect
        aria-label={`Unit of ${label.toLowerCase()}`}
        value={shown.unit}
        onChange={(event) => {
          const wanted = event.currentTarget.value;
          change({ ...shown, unit: SIZE_UNITS.find((unit) => unit === wanted) ?? 'MB' });
        }}
        data={[...SIZE_UNITS]}
        // Beside the field, below its label.
        mt={23}
        w={78}
      />
    </Group>
  );
}

interface Typed {
  readonly amount: number | string;
  readonly unit: SizeUnit;
}

function meaning({ amount, unit }: Typed): number {
  return bytesOf({ amount: Number(amount), unit });
}

function shownOf(bytes: number): Typed {
  const { amount, unit } = sizeOf(bytes);
  return { amount: bytes === 0 ? '' : amount, unit };
}
