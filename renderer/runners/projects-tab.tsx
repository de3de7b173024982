import { Group, Stack, Switch, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Assignment, Runner } from '../../protocol/api/runners.ts';
import { projectQueries } from '../api/project-queries.ts';
import { runnerMutations } from '../api/runner-queries.ts';
import { useBlocked } from '../api/use-blocked.ts';
import { containsWords } from '../ui/contains-words.ts';
import { DataState } from '../ui/data-state.tsx';
import { SearchField } from '../ui/search-field.tsx';
import { toastProblem } from '../ui/toast.tsx';
import { AssignmentTable } from './assignment-table.tsx';

/** The projects whose jobs this Runner may run; a switch takes effect at once. */
export function ProjectsTab({ runner }: { runner: Runner }) {
  const query = useQuery(projectQueries.list());
  const update = useMutation(runnerMutations.update());
  const blocked = useBlocked('manage');
  const [search, setSearch] = useState('');
  const [assignedOnly, setAssignedOnly] = useState(false);
  // While it is being saved the switches show what was asked for; a refusal brings them back.
  const assigned = (update.isPending ? update.variables.change.projects : undefined) ?? runner.projects;
  const change = (projects: Assignment[]) =>
    update.mutate(
      { id: runner.id, change: { projects } },
      { onError: (error) => toastProblem('The projects could not be changed', error) },
    );
  const names = new Set(runner.projects.map(({ project }) => project));

  return (
    <Stack gap="sm">
      <Group gap="sm">
        <SearchField label="Search projects" value={search} onChange={setSearch} />
        <Switch
          label="Assigned only"
          checked={assignedOnly}
          onChange={(event) => setAssignedOnly(event.currentTarget.checked)}
        />
        <Text size="sm" fw={600} role="status">
          {runner.projects.length} assigned
        </Text>
        {blocked !== null && (
          <Text size="sm" c="dimmed">
            {blocked}
          </Text>
        )}
      </Group>
      <DataState query={query}>
        {(projects) => {
          const shown = projects.filter(
            ({ name, label }) => containsWords(search, name, label) && (!assignedOnly || names.has(name)),
          );
          return shown.length === 0 ? (
            <Text c="dimmed" py="lg" ta="center">
              {projects.length === 0 ? 'There is no project yet.' : 'No project fits.'}
            </Text>
          ) : (
            <AssignmentTable
              projects={shown}
              assigned={assigned.map((one) => ({ asNode: true, remoteDispatch: false, nodeFilter: '.*', ...one }))}
              onChange={change}
              blocked={blocked !== null || update.isPending}
            />
          );
        }}
      </DataState>
    </Stack>
  );
}
