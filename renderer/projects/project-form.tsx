import { Group, Radio, Stack, Textarea, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { NewProjectSchema, type Project, ProjectChangeSchema } from '../../protocol/api/projects.ts';
import { fieldsOf, OutrunnerError } from '../../protocol/problems.ts';
import { projectMutations } from '../api/project-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { fieldErrors } from '../ui/field-errors.ts';
import { ProblemAlert } from '../ui/problem-alert.tsx';

interface Props {
  /** The project to change; without it a new one is made. */
  readonly project?: Project;
  readonly onDone: (project: Project) => void;
}

/** Creates a project, or changes its label, description and selection. The name stands in addresses and never changes. */
export function ProjectForm({ project, onDone }: Props) {
  const create = useMutation(projectMutations.create());
  const update = useMutation(projectMutations.update());
  const [name, setName] = useState('');
  const [label, setLabel] = useState(project?.label ?? '');
  const [description, setDescription] = useState(project?.description ?? '');
  const [selection, setSelection] = useState<string>(project?.selection ?? 'automatic');
  const [tried, setTried] = useState(false);

  const change = { label, description, selection };
  const checked = project ? ProjectChangeSchema.safeParse(change) : NewProjectSchema.safeParse({ name, ...change });
  const failed = create.error ?? update.error;
  const refused = failed instanceof OutrunnerError ? failed.fields : [];
  const errors = fieldErrors([...(checked.success || !tried ? [] : fieldsOf(checked.error)), ...refused]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    // The wizard's form is around this one in React's tree: it must not take this for its own.
    event.stopPropagation();
    setTried(true);
    if (!checked.success) return;
    if (project) {
      const valid = ProjectChangeSchema.parse(change);
      update.mutate({ project: project.name, change: valid }, { onSuccess: onDone });
    } else {
      create.mutate(NewProjectSchema.parse({ name, ...change }), { onSuccess: onDone });
    }
  };

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {project === undefined && (
          <TextInput
            label="Name"
            description="Stands in addresses: letters, digits, dots, hyphens, underscores. It cannot be changed later."
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={errors.name}
            required
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        <TextInput
          label="Label"
          description={project ? 'How it is shown.' : 'How it is shown. Empty: the name.'}
          value={label}
          onChange={(event) => setLabel(event.currentTarget.value)}
          error={errors.label}
          required={project !== undefined}
          autoComplete="off"
        />
        <Textarea
          label="Description"
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
          error={errors.description}
          autosize
          minRows={2}
          maxRows={6}
        />
        <Radio.Group label="Runner selection" value={selection} onChange={setSelection} error={errors.selection}>
          <Stack gap={8} mt={6}>
            <Radio
              size="xs"
              value="automatic"
              label="Automatic"
              description="Any Runner of the project that fits takes the work."
            />
            <Radio size="xs" value="manual" label="Manual" description="Each job names the tags of its Runners." />
          </Stack>
        </Radio.Group>
        {failed && <ProblemAlert error={failed} shownFields={(path) => path in errors} />}
        <Group justify="flex-end">
          <ActionButton type="submit" loading={create.isPending || update.isPending}>
            {project ? 'Save' : 'Create project'}
          </ActionButton>
        </Group>
      </Stack>
    </form>
  );
}
