import { Button, Tabs, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useBlocker, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { type Job, JobInputSchema } from '../../protocol/api/jobs.ts';
import { fieldsOf, OutrunnerError } from '../../protocol/problems.ts';
import { jobMutations } from '../api/job-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { toastDone } from '../ui/toast.tsx';
import { useShortcut } from '../ui/use-shortcut.ts';
import { DetailsTab } from './details-tab.tsx';
import { errorsByPath, type JobDraft, jobInputOf, sameJob, tabOf } from './job-draft.ts';
import classes from './jobs.module.css';
import { EDITOR_TABS, type EditorTab, JobEditorSearchSchema } from './jobs-search.ts';
import { OptionsTab } from './options-tab.tsx';
import { OtherTab } from './other-tab.tsx';
import { RunnersTab } from './runners-tab.tsx';
import { WorkflowTab } from './workflow-tab.tsx';

interface Props {
  readonly project: string;
  /** null: a new one. */
  readonly jobId: string | null;
  readonly initial: JobDraft;
  readonly onCancel: () => void;
}

const TAB_NAMES: Readonly<Record<EditorTab, string>> = {
  details: 'Details',
  workflow: 'Workflow',
  options: 'Options',
  runners: 'Runners',
  other: 'Other',
};

/** The tabs of a job. Wrong fields are named where they stand; leaving with unsaved changes asks first. */
export function JobEditor({ project, jobId, initial, onCancel }: Props) {
  const navigate = useNavigate();
  const { tab = 'details' } = JobEditorSearchSchema.parse(useSearch({ strict: false }));
  const [draft, setDraft] = useState(initial);
  const [tried, setTried] = useState(false);
  const saved = useRef(false);
  const create = useMutation(jobMutations.create());
  const replace = useMutation(jobMutations.replace());
  const { error, isPending } = jobId === null ? create : replace;

  const checked = JobInputSchema.safeParse(jobInputOf(draft));
  const refused = error instanceof OutrunnerError ? error.fields : [];
  const errors = errorsByPath([...(checked.success || !tried ? [] : fieldsOf(checked.error)), ...refused]);
  const wrongTabs = new Set([...errors.keys()].map(tabOf));
  const changed = !sameJob(draft, initial);
  const change = (next: Partial<JobDraft>) => setDraft((before) => ({ ...before, ...next }));
  const goTo = (next: EditorTab) =>
    void navigate({ to: '.', search: (before) => ({ ...before, tab: next }), replace: true, resetScroll: false });

  const blocker = useBlocker({
    // Another tab of the editor is the same page.
    shouldBlockFn: ({ current, next }) => changed && !saved.current && current.pathname !== next.pathname,
    enableBeforeUnload: () => changed && !saved.current,
    withResolver: true,
  });

  const submit = () => {
    setTried(true);
    if (!checked.success) {
      const [first] = fieldsOf(checked.error);
      if (first !== undefined) goTo(tabOf(first.path));
      return;
    }
    const after = {
      onSuccess: (job: Job) => {
        saved.current = true;
        toastDone(jobId === null ? `${job.name} was created` : `${job.name} was saved`);
        void navigate({ to: '/projects/$project/jobs/$id', params: { project, id: job.id } });
      },
      onError: (problem: unknown) => {
        const path = problem instanceof OutrunnerError ? problem.fields[0]?.path : undefined;
        if (path !== undefined) goTo(tabOf(path));
      },
    };
    const job = jobInputOf(draft);
    if (jobId === null) create.mutate({ project, job }, after);
    else replace.mutate({ id: jobId, job }, after);
  };
  const form = useRef<HTMLFormElement>(null);
  useShortcut('mod+s', () => {
    // A field takes what is typed when it is left: a tag that was not ended, for one.
    flushSync(() => {
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    });
    form.current?.requestSubmit();
  });

  return (
    <>
      <form
        ref={form}
        className={classes.editor}
        noValidate
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          submit();
        }}
      >
        <Tabs value={tab} onChange={(next) => goTo(EDITOR_TABS.find((one) => one === next) ?? 'details')}>
          <Tabs.List mb="md">
            {EDITOR_TABS.map((one) => (
              <Tabs.Tab
                key={one}
                value={one}
                rightSection={
                  wrongTabs.has(one) ? <span className={classes.dot} role="img" aria-label="has errors" /> : null
                }
              >
                {TAB_NAMES[one]}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="details">
            <DetailsTab project={project} draft={draft} onChange={change} errors={errors} />
          </Tabs.Panel>
          <Tabs.Panel value="workflow">
            <WorkflowTab steps={draft.steps} onChange={(steps) => change({ steps })} errors={errors} />
          </Tabs.Panel>
          <Tabs.Panel value="options">
            <OptionsTab options={draft.options} onChange={(options) => change({ options })} errors={errors} />
          </Tabs.Panel>
          <Tabs.Panel value="runners">
            <RunnersTab
              project={project}
              tags={draft.runnerTags}
              onChange={(runnerTags) => change({ runnerTags })}
              errors={errors}
            />
          </Tabs.Panel>
          <Tabs.Panel value="other">
            <OtherTab draft={draft} onChange={change} errors={errors} />
          </Tabs.Panel>
        </Tabs>
        {error !== null && (
          <div style={{ marginTop: 16 }}>
            <ProblemAlert error={error} shownFields={(path) => errors.has(path)} />
          </div>
        )}
        <div className={classes.editorBar}>
          <Text size="sm" c="dimmed" role="status">
            {wrongTabs.size > 0 ? `Not right yet: ${[...wrongTabs].map((one) => TAB_NAMES[one]).join(', ')}.` : ''}
            {wrongTabs.size === 0 && changed ? 'Not saved yet.' : ''}
          </Text>
          <span className={classes.spring} />
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <ActionButton type="submit" loading={isPending}>
            {jobId === null ? 'Create job' : 'Save'}
          </ActionButton>
        </div>
      </form>
      {/* Beside the form: it has a form of its own. */}
      <ConfirmDialog
        opened={blocker.status === 'blocked'}
        title="Leave without saving?"
        confirm="Leave"
        dangerous
        pending={false}
        error={null}
        onConfirm={() => blocker.proceed?.()}
        onClose={() => blocker.reset?.()}
      >
        The changes to this job are not saved.
      </ConfirmDialog>
    </>
  );
}
