import { Autocomplete, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ExecutionStateSchema } from '../../protocol/execution-state.ts';
import { jobQueries } from '../api/job-queries.ts';
import { runnerQueries } from '../api/runner-queries.ts';
import classes from './activity.module.css';
import { type ActivitySearch, ActivitySearchSchema, TIME_SPANS } from './activity-search.ts';
import { STATE_LOOK } from './state-look.ts';

interface Props {
  readonly project: string;
  readonly search: ActivitySearch;
  readonly onChange: (change: Partial<ActivitySearch>) => void;
  /** People who are in the list: suggestions for the filter. */
  readonly users: readonly string[];
}

/** Pause in typing after which the coordinator is asked, in milliseconds. */
const TYPING_MS = 250;

/** What the list of executions is narrowed by. Everything stands in the address. */
export function ActivityFilters({ project, search, onChange, users }: Props) {
  const jobs = useQuery(jobQueries.list(project));
  const runners = useQuery(runnerQueries.list());
  const pick = (name: keyof ActivitySearch) => (value: string | null) =>
    onChange({ [name]: ActivitySearchSchema.parse({ [name]: value ?? undefined })[name] });
  const clearable = { clearable: true, searchable: true, nothingFoundMessage: 'Nothing found' } as const;

  return (
    <search className={classes.filters}>
      <TypedFilter value={search.search ?? ''} onChange={(text) => onChange({ search: text || undefined })} />
      <Select
        aria-label="State"
        placeholder="Any state"
        {...clearable}
        value={search.state ?? null}
        onChange={pick('state')}
        data={[
          { value: 'active', label: 'Not ended' },
          ...ExecutionStateSchema.options.map((value) => ({ value, label: STATE_LOOK[value].word })),
        ]}
      />
      <Select
        aria-label="Job"
        placeholder="Any job"
        {...clearable}
        value={search.job ?? null}
        onChange={pick('job')}
        data={(jobs.data ?? []).map(({ id, name, group }) => ({ value: id, label: group ? `${group}/${name}` : name }))}
      />
      <Autocomplete
        aria-label="User"
        placeholder="Any user"
        size="sm"
        key={search.user ?? ''}
        defaultValue={search.user ?? ''}
        data={[...users]}
        clearable
        onOptionSubmit={(user) => onChange({ user })}
        onClear={() => onChange({ user: undefined })}
        onBlur={(event) => onChange({ user: event.currentTarget.value.trim() || undefined })}
        onKeyDown={(event) => {
          if (event.key === 'Enter') onChange({ user: event.currentTarget.value.trim() || undefined });
        }}
      />
      <Select
        aria-label="Runner"
        placeholder="Any Runner"
        {...clearable}
        value={search.runner ?? null}
        onChange={pick('runner')}
        data={(runners.data ?? []).map(({ id, name }) => ({ value: id, label: name }))}
      />
      <Select
        aria-label="Time"
        placeholder="Any time"
        clearable
        value={search.time ?? null}
        onChange={pick('time')}
        data={Object.entries(TIME_SPANS).map(([value, { label }]) => ({ value, label }))}
      />
    </search>
  );
}

function TypedFilter({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const [text, setText] = useState(value);
  const tell = useDebouncedCallback(onChange, TYPING_MS);
  useEffect(() => setText(value), [value]);
  return (
    <TextInput
      aria-label="Search"
      placeholder="Search by title or number"
      leftSection={<IconSearch size={15} aria-hidden />}
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        tell(event.currentTarget.value.trim());
      }}
      autoComplete="off"
      spellCheck={false}
    />
  );
}
