import { Button, Collapse, Group, Modal, Stack, Text, Textarea, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconPlayerPlay } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { Job } from '../../protocol/api/jobs.ts';
import { PrioritySchema } from '../../protocol/operation.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { tagKey } from '../../protocol/tags.ts';
import { jobMutations } from '../api/job-queries.ts';
import { runnerQueries } from '../api/runner-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { TagInput } from '../ui/tag-input.tsx';
import { initialValues, missingValues } from './option-values.ts';
import { PriorityInput } from './priority-input.tsx';
import { RunnerMatches } from './runner-matches.tsx';

interface Props {
  readonly job: Job;
  readonly opened: boolean;
  readonly onClose: () => void;
  /** Values to begin with instead of the defaults, where the job still has the option. */
  readonly options?: Readonly<Record<string, string>>;
  /** Tags to begin with instead of the job's own. */
  readonly runnerTags?: readonly string[];
  /** Priority to begin with instead of the job's own. */
  readonly priority?: number;
}

/** Asks for the options of a run, on which Runners, and how urgent it is; then runs the job and goes to the execution. */
export function RunJobDialog(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={`Run ${props.job.name}`} size="lg">
      {/* Inside, so that each opening starts fresh. */}
      <RunForm {...props} />
    </Modal>
  );
}

function RunForm({ job, onClose, options: given, runnerTags, priority: givenPriority }: Props) {
  const navigate = useNavigate();
  const known = useQuery(runnerQueries.tags());
  const run = useMutation(jobMutations.run());
  const [values, setValues] = useState(() => initialValues(job.options, given));
  const [tags, setTags] = useState<readonly string[]>(runnerTags ?? job.runnerTags);
  const [priority, setPriority] = useState(givenPriority ?? job.priority);
  const [opened, setOpened] = useState(!sameTags(tags, job.runnerTags) || priority !== job.priority);
  const [tried, setTried] = useState(false);
  // One key per opening: a second press of the button starts no second execution.
  const [idempotencyKey, setKey] = useState(() => crypto.randomUUID());

  const missing = missingValues(job.options, values);
  const refused = run.error instanceof OutrunnerError ? run.error.fields : [];
  const checkedPriority = PrioritySchema.safeParse(priority);
  const priorityError =
    (tried ? checkedPriority.error?.issues[0]?.message : undefined) ??
    refused.find(({ path }) => path === 'priority')?.message;
  const errorOf = (name: string) =>
    (tried ? missing[name] : undefined) ?? refused.find(({ path }) => path === `options.${name}`)?.message;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (!checkedPriority.success) setOpened(true);
    if (Object.keys(missing).length > 0 || !checkedPriority.success || run.isPending) return;
    run.mutate(
      {
        id: job.id,
        idempotencyKey,
        options: values,
        ...(sameTags(tags, job.runnerTags) ? {} : { runnerTags: [...tags] }),
        ...(priority === job.priority ? {} : { priority }),
      },
      {
        onSuccess: ({ id }) => {
          onClose();
          void navigate({ to: '/executions/$id', params: { id } });
        },
        // What is sent next may be a corrected request, and that needs a new key.
        onError: () => setKey(crypto.randomUUID()),
      },
    );
  };

  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        {job.options.length === 0 && (
          <Text size="sm" c="dimmed">
            This job has no options.
          </Text>
        )}
        {job.options.map(({ name, description, required }, index) => (
          <Textarea
            key={name}
            label={name}
            description={description}
            required={required}
            autosize
            minRows={1}
            maxRows={8}
            value={values[name] ?? ''}
            onChange={(event) => setValues({ ...values, [name]: event.currentTarget.value })}
            error={errorOf(name)}
            spellCheck={false}
            data-autofocus={index === 0 || undefined}
          />
        ))}
        <div>
          <UnstyledButton onClick={() => setOpened(!opened)} aria-expanded={opened} fz="sm" fw={600}>
            <Group gap={4}>
              {opened ? <IconChevronDown size={15} aria-hidden /> : <IconChevronRight size={15} aria-hidden />}
              More
            </Group>
          </UnstyledButton>
          <Collapse expanded={opened}>
            <Stack gap="sm" pt="xs">
              <TagInput
                label="Runner tags"
                description="Only a Runner that has all of them; empty: any Runner of the project."
                value={tags}
                onChange={setTags}
                suggestions={Object.keys(known.data ?? {})}
                error={refused.find(({ path }) => path.startsWith('runnerTags'))?.message}
              />
              <PriorityInput
                value={priority}
                onChange={setPriority}
                error={priorityError}
                description={`Among those that wait the higher number goes first. The job's own is ${job.priority}.`}
              />
            </Stack>
          </Collapse>
        </div>
        <RunnerMatches project={job.project} tags={tags} brief />
        {run.error && (
          <ProblemAlert
            error={run.error}
            shownFields={(path) =>
              path === 'priority' || path.startsWith('runnerTags') || path.replace(/^options\./, '') in values
            }
          />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <ActionButton
            type="submit"
            needs="run"
            loading={run.isPending}
            leftSection={<IconPlayerPlay size={16} aria-hidden />}
            data-autofocus={job.options.length === 0 || undefined}
          >
            Run Job Now
          </ActionButton>
        </Group>
      </Stack>
    </form>
  );
}

function sameTags(a: readonly string[], b: readonly string[]): boolean {
  const keys = (tags: readonly string[]) => tags.map(tagKey).sort().join(' ');
  return keys(a) === keys(b);
}
