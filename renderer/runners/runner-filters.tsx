import { Button, Group, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Runner } from '../../protocol/api/runners.ts';
import { type RunnerMode, RunnerModeSchema } from '../../protocol/status.ts';
import type { VersionState } from '../../protocol/version-state.ts';
import { projectQueries } from '../api/project-queries.ts';
import { runnerQueries } from '../api/runner-queries.ts';
import { SearchField } from '../ui/search-field.tsx';
import { VERSION_LOOK } from '../upgrades/version-mark.tsx';
import type { RunnerSearch } from './runner-search.ts';
import { StatusFilter } from './status-filter.tsx';

interface Props {
  /** All Runners of the list, before the filter. */
  readonly runners: readonly Runner[];
  readonly filter: RunnerSearch;
  readonly onChange: (change: Partial<RunnerSearch>) => void;
  readonly search: string;
  readonly onSearch: (text: string) => void;
  /** Inside of a project there is nothing to choose. */
  readonly withProject: boolean;
  /** What can be done to all that are shown. */
  readonly action?: ReactNode;
}

/** Search and filters over a list of Runners; all of them stand in the address. */
export function RunnerFilters({ runners, filter, onChange, search, onSearch, withProject, action }: Props) {
  const tags = useQuery(runnerQueries.tags());
  const projects = useQuery({ ...projectQueries.list(), enabled: withProject });
  const versions = [...new Set(runners.flatMap(({ version }) => version ?? []))].sort();
  const active =
    [filter.status, filter.tag, filter.project, filter.mode, filter.version, filter.versionState].some(Boolean) ||
    search !== '';
  const clear = () => {
    onSearch('');
    onChange({
      search: undefined,
      status: undefined,
      tag: undefined,
      project: undefined,
      mode: undefined,
      version: undefined,
      versionState: undefined,
    });
  };
  return (
    <Group gap="xs" mb="sm">
      <SearchField label="Search Runners" value={search} onChange={onSearch} />
      <Filter
        label="Tag"
        value={filter.tag}
        data={Object.keys(tags.data ?? {})}
        onChange={(tag) => onChange({ tag })}
      />
      {withProject && (
        <Filter
          label="Project"
          value={filter.project}
          data={(projects.data ?? []).map(({ name }) => name)}
          onChange={(project) => onChange({ project })}
        />
      )}
      <Filter
        label="Mode"
        value={filter.mode}
        data={RunnerModeSchema.options}
        onChange={(mode) => onChange({ mode: mode as RunnerMode | undefined })}
      />
      {(versions.length > 1 || filter.version !== undefined) && (
        <Filter label="Version" value={filter.version} data={versions} onChange={(version) => onChange({ version })} />
      )}
      <Filter
        label="Version state"
        width={144}
        value={filter.versionState}
        data={VERSION_STATES}
        onChange={(state) => onChange({ versionState: state as VersionState | undefined })}
      />
      <StatusFilter runners={runners} value={filter.status} onChange={(status) => onChange({ status })} />
      {active && (
        <Button variant="subtle" size="compact-sm" onClick={clear}>
          Clear filters
        </Button>
      )}
      {action}
    </Group>
  );
}

const VERSION_STATES = Object.entries(VERSION_LOOK).map(([value, { word }]) => ({ value, label: word }));

interface FilterProps {
  readonly label: string;
  readonly width?: number;
  readonly value: string | undefined;
  readonly data: readonly (string | { readonly value: string; readonly label: string })[];
  readonly onChange: (value: string | undefined) => void;
}

function Filter({ label, width = 128, value, data, onChange }: FilterProps) {
  const has = data.some((one) => (typeof one === 'string' ? one : one.value) === value);
  const known = value === undefined || has ? data : [...data, value];
  return (
    <Select
      w={width}
      placeholder={label}
      aria-label={`Filter by ${label.toLowerCase()}`}
      data={known}
      value={value ?? null}
      onChange={(chosen) => onChange(chosen ?? undefined)}
      searchable={data.length > 8}
      clearable
      clearButtonProps={{ 'aria-label': `Clear the filter by ${label.toLowerCase()}` }}
      comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
    />
  );
}
