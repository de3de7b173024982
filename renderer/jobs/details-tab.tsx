import { Autocomplete, Stack, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { jobQueries } from '../api/job-queries.ts';
import { errorBelow, type FieldErrors, type JobDraft } from './job-draft.ts';

interface Props {
  readonly project: string;
  readonly draft: JobDraft;
  readonly onChange: (change: Partial<JobDraft>) => void;
  readonly errors: FieldErrors;
}

/** Name, group and description. */
export function DetailsTab({ project, draft, onChange, errors }: Props) {
  const jobs = useQuery(jobQueries.list(project));
  const groups = [...new Set((jobs.data ?? []).map(({ group }) => group).filter((group) => group !== ''))].sort();
  return (
    <Stack gap="sm" maw={620}>
      <TextInput
        label="Name"
        required
        value={draft.name}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
        error={errorBelow(errors, 'name')}
        autoComplete="off"
        data-autofocus
      />
      <Autocomplete
        label="Group"
        description="Where it stands in the tree of jobs: names with slashes between them."
        placeholder="operations/disks"
        size="sm"
        value={draft.group}
        onChange={(group) => onChange({ group })}
        data={groups}
        error={errorBelow(errors, 'group')}
        autoComplete="off"
      />
      <Textarea
        label="Description"
        autosize
        minRows={3}
        maxRows={12}
        value={draft.description}
        onChange={(event) => onChange({ description: event.currentTarget.value })}
        error={errorBelow(errors, 'description')}
      />
    </Stack>
  );
}
