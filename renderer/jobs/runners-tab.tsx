import { Radio, Stack, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { runnerQueries } from '../api/runner-queries.ts';
import { TagInput } from '../ui/tag-input.tsx';
import { errorBelow, type FieldErrors } from './job-draft.ts';
import { RunnerMatches } from './runner-matches.tsx';

interface Props {
  readonly project: string;
  readonly tags: readonly string[];
  readonly onChange: (tags: readonly string[]) => void;
  readonly errors: FieldErrors;
}

/** On which Runner the job runs: any of the project, or one that has all of some tags. With the Runners that match now. */
export function RunnersTab({ project, tags, onChange, errors }: Props) {
  const known = useQuery(runnerQueries.tags());
  const [byTags, setByTags] = useState(tags.length > 0);
  // Going to Automatic and back gives the tags back.
  const [kept, setKept] = useState(tags);
  return (
    <Stack gap="md" maw={720}>
      <Radio.Group
        label="Runner selection"
        value={byTags ? 'tags' : 'automatic'}
        onChange={(value) => {
          const next = value === 'tags';
          setByTags(next);
          if (!next) setKept(tags);
          onChange(next ? kept : []);
        }}
      >
        <Stack gap={8} mt={6}>
          <Radio
            value="automatic"
            label="Automatic"
            description="Any Runner of the project; the one with the fewest operations takes it."
          />
          <Radio value="tags" label="By tags" description="Only a Runner that has all of these tags." />
        </Stack>
      </Radio.Group>
      {byTags && (
        <TagInput
          label="Runner tags"
          description="Return, comma, semicolon or space end a tag."
          value={tags}
          onChange={onChange}
          suggestions={Object.keys(known.data ?? {})}
          error={errorBelow(errors, 'runnerTags')}
        />
      )}
      <div>
        <Title order={2} size="h4" mb={6}>
          Runners now
        </Title>
        <RunnerMatches project={project} tags={tags} />
      </div>
    </Stack>
  );
}
