import { CloseButton, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useRef } from 'react';
import { useShortcut } from './use-shortcut.ts';

interface Props {
  readonly value: string;
  readonly onChange: (text: string) => void;
  /** What is searched, e.g. `Search Runners`. */
  readonly label: string;
  readonly width?: number | string;
}

/** The search of a list. The key `/` goes there, Escape empties it. */
export function SearchField({ value, onChange, label, width = 260 }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useShortcut('/', () => input.current?.focus());
  return (
    <TextInput
      ref={input}
      type="search"
      w={width}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && value !== '') {
          event.preventDefault();
          onChange('');
        }
      }}
      placeholder={label}
      aria-label={label}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={
        value === '' ? null : <CloseButton size="sm" onClick={() => onChange('')} aria-label="Clear the search" />
      }
      autoComplete="off"
      spellCheck={false}
    />
  );
}
