import { Button, Group, Modal, Stack, Switch, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { projectQueries } from '../../api/project-queries.ts';
import { ProjectForm } from '../../projects/project-form.tsx';
import { ActionButton } from '../../ui/action-button.tsx';
import { containsWords } from '../../ui/contains-words.ts';
import { DataState } from '../../ui/data-state.tsx';
import { SearchField } from '../../ui/search-field.tsx';
import { AssignmentTable, withProject } from '../assignment-table.tsx';
import type { StepProps } from './step-props.ts';
import classes from './wizard.module.css';
import { WizardFoot } from './wizard-foot.tsx';

/** Step 2: the projects whose jobs the Runner may run. */
export function ProjectsStep({ draft, change, onCancel }: StepProps) {
  const query = useQuery(projectQueries.list());
  const [search, setSearch] = useState('');
  const [assignedOnly, setAssignedOnly] = useState(false);
  const [creating, create] = useDisclosure();
  const names = new Set(draft.projects.map(({ project }) => project));

  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        change({ step: 2 });
      }}
    >
      <div className={classes.panel}>
        <Stack gap="sm">
          <Text c="dimmed" size="sm">
            A Runner only runs job steps of projects it is assigned to.
          </Text>
          <Group gap="sm">
            <SearchField label="Search projects" value={search} onChange={setSearch} />
            <Switch
              label="Assigned only"
              checked={assignedOnly}
              onChange={(event) => setAssignedOnly(event.currentTarget.checked)}
            />
            <Text size="sm" fw={600} role="status">
              {draft.projects.length} assigned
            </Text>
            <ActionButton
              variant="subtle"
              ml="auto"
              leftSection={<IconPlus size={15} aria-hidden />}
              onClick={create.open}
            >
              Create project
            </ActionButton>
          </Group>
          <DataState query={query}>
            {(projects) => {
              const shown = projects.filter(
                ({ name, label }) => containsWords(search, name, label) && (!assignedOnly || names.has(name)),
              );
              return shown.length === 0 ? (
                <Text c="dimmed" py="lg" ta="center">
                  {projects.length === 0 ? 'There is no project yet. Create one.' : 'No project fits.'}
                </Text>
              ) : (
                <AssignmentTable
                  projects={shown}
                  assigned={draft.projects}
                  onChange={(assigned) => change({ projects: assigned })}
                />
              );
            }}
          </DataState>
        </Stack>
      </div>
      <WizardFoot onCancel={onCancel} onBack={() => change({ step: 0 })}>
        <Button type="submit" color="go">
          Next
        </Button>
      </WizardFoot>
      <Modal opened={creating} onClose={create.close} title="Create project">
        <ProjectForm
          onDone={(project) => {
            change({ projects: withProject(draft.projects, project.name, true) });
            create.close();
          }}
        />
      </Modal>
    </form>
  );
}
