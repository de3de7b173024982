import { Anchor, Button, Modal, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconFolders, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Project } from '../../protocol/api/projects.ts';
import { projectQueries } from '../api/project-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { containsWords } from '../ui/contains-words.ts';
import { DataState } from '../ui/data-state.tsx';
import { type DataColumn, DataTable } from '../ui/data-table.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { SearchField } from '../ui/search-field.tsx';
import { toastDone } from '../ui/toast.tsx';
import { useSearchText } from '../ui/use-search-text.ts';
import { ProjectForm } from './project-form.tsx';
import { ProjectSearchSchema } from './project-search.ts';

/** All projects of the coordinator. */
export function ProjectsScreen() {
  const query = useQuery(projectQueries.list());
  const navigate = useNavigate();
  const [creating, create] = useDisclosure();
  const button = (
    <ActionButton leftSection={<IconPlus size={16} aria-hidden />} onClick={create.open}>
      Create project
    </ActionButton>
  );
  return (
    <>
      <PageHeader title="Projects" actions={query.data?.length === 0 ? null : button} />
      <DataState
        query={query}
        isEmpty={(projects) => projects.length === 0}
        empty={
          <EmptyState icon={<IconFolders size={28} />} title="No project yet" action={button}>
            A project holds jobs and the Runners that may run them. Whoever works with it sees only what belongs to it.
          </EmptyState>
        }
      >
        {(projects) => <ProjectList projects={projects} />}
      </DataState>
      <Modal opened={creating} onClose={create.close} title="Create project">
        <ProjectForm
          onDone={(project) => {
            toastDone(`The project ${project.label} was created`);
            void navigate({ to: '/projects/$project/jobs', params: { project: project.name } });
          }}
        />
      </Modal>
    </>
  );
}

function ProjectList({ projects }: { projects: Project[] }) {
  const filter = useSearch({ from: '/projects' });
  const navigate = useNavigate();
  const change = (part: Partial<typeof filter>) =>
    void navigate({ to: '/projects', search: { ...filter, ...part }, replace: true });
  const [search, setSearch] = useSearchText(filter.search ?? '', (text) => change({ search: text || undefined }));
  const columns = useMemo(projectColumns, []);
  const found = projects.filter(({ name, label, description }) => containsWords(search, name, label, description));
  return (
    <>
      <SearchField label="Search projects" value={search} onChange={setSearch} />
      <div style={{ height: 12 }} />
      {found.length === 0 ? (
        <EmptyState
          icon={<IconFolders size={28} />}
          title="No project fits the search"
          action={
            <Button variant="default" onClick={() => setSearch('')}>
              Clear the search
            </Button>
          }
        >
          There {projects.length === 1 ? 'is one project' : `are ${projects.length} projects`} in all.
        </EmptyState>
      ) : (
        <DataTable
          label="Projects"
          columns={columns}
          rows={found}
          rowId={(project) => project.name}
          sort={filter.sort ?? 'name'}
          onSort={(sort) => change({ sort: ProjectSearchSchema.shape.sort.parse(sort) })}
          onOpen={({ name }) => void navigate({ to: '/projects/$project/jobs', params: { project: name } })}
          flashOn={({ jobs, runners, running }) => `${jobs} ${runners} ${running}`}
          minWidth={760}
          fill
        />
      )}
    </>
  );
}

function projectColumns(): DataColumn<Project>[] {
  const count = (id: 'jobs' | 'runners' | 'running', header: string): DataColumn<Project> => ({
    id,
    header,
    width: '96px',
    align: 'right',
    value: (project) => project[id],
    cell: (project) => <span>{project[id]}</span>,
  });
  return [
    {
      id: 'name',
      header: 'Name',
      width: '220px',
      value: ({ name }) => name,
      cell: ({ name }) => (
        <Anchor
          inherit
          fw={600}
          truncate
          renderRoot={(props) => <Link to="/projects/$project/jobs" params={{ project: name }} {...props} />}
        >
          {name}
        </Anchor>
      ),
    },
    {
      id: 'label',
      header: 'Label',
      width: '200px',
      value: ({ label }) => label,
      cell: ({ label }) => (
        <Text inherit truncate>
          {label}
        </Text>
      ),
    },
    {
      id: 'description',
      header: 'Description',
      cell: ({ description }) => (
        <Text inherit truncate c="dimmed" title={description}>
          {description}
        </Text>
      ),
    },
    count('jobs', 'Jobs'),
    count('runners', 'Runners'),
    count('running', 'Running'),
  ];
}
