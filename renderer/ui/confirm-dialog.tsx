import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useId, useState } from 'react';
import { ProblemAlert } from './problem-alert.tsx';

interface Props {
  readonly opened: boolean;
  readonly title: string;
  /** What will happen, and what will not. */
  readonly children: React.ReactNode;
  /** The verb on the button. */
  readonly confirm: string;
  /** The person must type this before the button works. */
  readonly typeToConfirm?: string;
  /** Red: it cannot be undone. */
  readonly dangerous?: boolean;
  readonly pending: boolean;
  readonly error: unknown;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asks before something that matters. Return confirms, Escape closes. */
export function ConfirmDialog(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title} centered>
      {/* Inside, so that each opening starts empty. */}
      <Question {...props} />
    </Modal>
  );
}

function Question({ children, confirm, typeToConfirm, dangerous, pending, error, onConfirm, onClose }: Props) {
  const [typed, setTyped] = useState('');
  const hint = useId();
  const ready = typeToConfirm === undefined || typed.trim() === typeToConfirm.trim();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && !pending) onConfirm();
      }}
    >
      <Stack gap="sm">
        <Text component="div" size="sm">
          {children}
        </Text>
        {typeToConfirm !== undefined && (
          <TextInput
            data-autofocus
            label={`Type “${typeToConfirm}” to confirm`}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            aria-describedby={hint}
            autoComplete="off"
            spellCheck={false}
          />
        )}
        {error !== null && error !== undefined && <ProblemAlert error={error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose} data-autofocus={typeToConfirm === undefined || undefined}>
            Cancel
          </Button>
          <Button type="submit" color={dangerous ? 'red.9' : undefined} disabled={!ready} loading={pending}>
            {confirm}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
