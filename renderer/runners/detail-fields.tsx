import { Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { runnerQueries } from '../api/runner-queries.ts';
import { TagInput } from '../ui/tag-input.tsx';

export interface Details {
  readonly name: string;
  readonly description: string;
  readonly tags: string[];
}

interface Props {
  readonly value: Details;
  readonly onChange: (change: Partial<Details>) => void;
  readonly errors: Readonly<Record<string, string | undefined>>;
  /** A field was left for `next`: from now on it may say that something is missing. */
  readonly onLeave?: (field: keyof Details, next: EventTarget | null) => void;
}

/** Name, description and tags of a Runner: the same in the wizard and in the edit dialog. */
export function DetailFields({ value, onChange, errors, onLeave }: Props) {
  const tags = useQuery(runnerQueries.tags());
  const suggestions = Object.entries(tags.data ?? {})
    .sort(([, a], [, b]) => b - a)
    .map(([tag]) => tag);
  return (
    <>
      <TextInput
        label="Name"
        description="What it is called everywhere. Unique."
        value={value.name}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
        onBlur={(event) => onLeave?.('name', event.relatedTarget)}
        error={errors.name}
        required
        autoComplete="off"
        data-autofocus
      />
      <Textarea
        label="Description"
        description="Where it runs and what it is for."
        value={value.description}
        onChange={(event) => onChange({ description: event.currentTarget.value })}
        onBlur={(event) => onLeave?.('description', event.relatedTarget)}
        error={errors.description}
        autosize
        minRows={2}
        maxRows={6}
        required
      />
      <TagInput
        label="Tags"
        description="Jobs choose Runners by their tags. Return, comma, semicolon or space ends a tag."
        placeholder={value.tags.length === 0 ? 'linux, dmz' : undefined}
        value={value.tags}
        onChange={(next) => onChange({ tags: next })}
        onBlur={(event) => onLeave?.('tags', event.relatedTarget)}
        suggestions={suggestions}
        error={errors.tags}
        required
      />
    </>
  );
}
