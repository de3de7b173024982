import { TextInput } from '@mantine/core';

interface Props {
  /** As the browser's field writes it: local time without a zone. */
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error?: string;
}

/** A date and time in the zone of this computer, by the browser's own field. */
export function UntilInput({ value, onChange, error }: Props) {
  return (
    <TextInput
      type="datetime-local"
      label="Date and time"
      description="In the time zone of this computer."
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
      required
    />
  );
}
