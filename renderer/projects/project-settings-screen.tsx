import { Stack, Text } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import type { Project } from '../../protocol/api/projects.ts';
import { asOutrunnerError } from '../api/coordinator-error.ts';
import { projectMutations, projectQueries } from '../api/project-queries.ts';
import { NotFoundScreen } from '../app/not-found-screen.tsx';
import { ActionButton } from '../ui/action-button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { DataState } from '../ui/data-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { Section } from '../ui/section.tsx';
import { toastDone } from '../ui/toast.tsx';
import { ProjectForm } from './project-form.tsx';

/** Label, description and Runner selection of a project; and its end. */
export function ProjectSettingsScreen() {
  const { project: name } = useParams({ from: '/projects/$project/settings' });
  const query = useQuery(projectQueries.detail(name));
  if (query.error && asOutrunnerError(query.error).code === 'not-found') return <NotFoundScreen />;
  return (
    <>
      <PageHeader title="Project Settings" description={name} />
      <DataState query={query}>
        {(project) => (
          <Stack maw={680} gap="md">
            <Section title="Details">
              <ProjectForm key={project.name} project={project} onDone={() => toastDone('The settings were saved')} />
            </Section>
            <DeleteSection project={project} />
          </Stack>
        )}
      </DataState>
    </>
  );
}

function DeleteSection({ project }: { project: Project }) {
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const remove = useMutation(projectMutations.delete());
  const close = () => {
    remove.reset();
    setAsking(false);
  };
  const jobs = project.jobs === 1 ? 'its job' : `its ${project.jobs} jobs`;
  return (
    <Section title="Delete project">
      <Text size="sm" mb="sm">
        Deletes the project with {jobs} and takes its Runners out of it. Its executions stay readable by their address.
      </Text>
      <ActionButton color="red" variant="outline" c="var(--outrunner-bad)" onClick={() => setAsking(true)}>
        Delete project
      </ActionButton>
      <ConfirmDialog
        opened={asking}
        title={`Delete ${project.label}?`}
        confirm="Delete project"
        dangerous
        typeToConfirm={project.name}
        pending={remove.isPending}
        error={remove.error}
        onClose={close}
        onConfirm={() =>
          remove.mutate(project.name, {
            onSuccess: async () => {
              toastDone(`The project ${project.label} was deleted`);
              await navigate({ to: '/projects' });
            },
          })
        }
      >
        The project and {jobs} are deleted. This cannot be undone.
      </ConfirmDialog>
    </Section>
  );
}
