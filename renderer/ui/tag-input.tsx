import { TagsInput } from '@mantine/core';
import { type FocusEvent, type ReactNode, useState } from 'react';
import { splitTags, TagSchema, tagKey } from '../../protocol/tags.ts';

interface Props {
  readonly label: ReactNode;
  readonly description?: ReactNode;
  readonly placeholder?: string;
  readonly value: readonly string[];
  readonly onChange: (tags: string[]) => void;
  /** Existing tags to pick from. */
  readonly suggestions?: readonly string[];
  readonly error?: ReactNode;
  readonly required?: boolean;
  readonly disabled?: boolean;
  readonly onBlur?: (event: FocusEvent) => void;
}

/**
 * Tags as chips. Return, comma, semicolon and space end a tag; a tag that is there already (compared without case) and
 * one that is not valid are refused, and the field says so.
 */
export function TagInput({ value, onChange, suggestions = [], error, onBlur, ...field }: Props) {
  const [text, setText] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const taken = new Set(value.map(tagKey));

  const accept = (next: readonly string[]) => {
    const tags: string[] = [];
    let refused: string | null = null;
    for (const tag of next.flatMap(splitTags)) {
      const checked = TagSchema.safeParse(tag);
      if (!checked.success) refused = checked.error.issues[0]?.message ?? 'This tag is not valid.';
      else if (tags.some((other) => tagKey(other) === tagKey(tag))) refused = `The tag “${tag}” is there already.`;
      else tags.push(checked.data);
    }
    // The field below reports the same list again after it refused a duplicate: that must not wipe the sentence away.
    if (refused !== null || tags.length !== value.length) setRefusal(refused);
    onChange(tags);
  };

  return (
    <TagsInput
      {...field}
      value={[...value]}
      onChange={accept}
      // Nothing to pick from before something is typed: the list would only lie over what comes next.
      data={text.trim() === '' ? [] : suggestions.filter((tag) => !taken.has(tagKey(tag)))}
      limit={20}
      splitChars={[',', ';', ' ']}
      isDuplicate={(tag, current) => current.some((other) => tagKey(other) === tagKey(tag))}
      onDuplicate={(tag) => {
        setRefusal(`The tag “${tag}” is there already.`);
        setText('');
      }}
      searchValue={text}
      onSearchChange={(typed) => {
        setText(typed);
        if (typed !== '') setRefusal(null);
      }}
      onBlur={onBlur}
      error={refusal ?? error}
      autoComplete="off"
      spellCheck={false}
      clearable={false}
    />
  );
}
