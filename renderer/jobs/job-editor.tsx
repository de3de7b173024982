import { Alert, Button, Tabs, Text } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useBlocker, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { type Job, JobInputSchema } from '../../protocol/api/jobs.ts';
import { fieldsOf, OutrunnerError } from '../../protocol/problems.ts';
import { jobKeys, jobMutations } from '../api/job-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { toastDone } from '../ui/toast.tsx';
import { useShortcut } from '../ui/use-shortcut.ts';
import { DetailsTab } from './details-tab.tsx';
import { JobClash } from './job-clash.tsx';
import { draftOf, errorsByPath, type JobDraft, jobInputOf, sameJob, tabOf } from './job-draft.ts';
import classes from './jobs.module.css';
import { EDITOR_TABS, type EditorTab, JobEditorSearchSchema } from './jobs-search.ts';
import { OptionsTab } from './options-tab.tsx';
import { OtherTab } from './other-tab.tsx';
import { RunnersTab } from './runners-tab.tsx';
import { WorkflowTab } from './workflow-tab.tsx';

interface Props {
  readonly project: string;
  /** What editing begins with. */
  readonly initial: JobDraft;
  /** The job that is changed, as it is now; null: a new one. It may change while it is edited. */
  readonly latest: Job | null;
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
export function JobEditor({ project, initial: first, latest, onCancel }: Props) {
  const navigate = useNavigate();
  const { tab = 'details' } = JobEditorSearchSchema.parse(useSearch({ strict: false }));
  const client = useQueryClient();
  // The job as it was when editing began: later changes of others must not replace what is being typed.
  const [base, setBase] = useState(latest);
  const [initial, setInitial] = useState(first);
  const [draft, setDraft] = useState(initial);
  /** What was in the editor before somebody else's version was loaded into it. */
  const [aside, setAside] = useState<JobDraft | null>(null);
  const [tried, setTried] = useState(false);
  /** What was refused is looked for as soon as its tab is there: it may stand below what is in sight. */
  const [sought, setSought] = useState(false);
  const saved = useRef(false);
  const create = useMutation(jobMutations.create());
  const replace = useMutation(jobMutations.replace());
  const { error, isPending, isSuccess } = base === null ? create : replace;

  const checked = JobInputSchema.safeParse(jobInputOf(draft));
  const refused = error instanceof OutrunnerError ? error.fields : [];
  const errors = errorsByPath([...(checked.success || !tried ? [] : fieldsOf(checked.error)), ...refused]);
  const wrongTabs = new Set([...errors.keys()].map(tabOf));
  const changed = !sameJob(draft, initial);
  const outdated = error instanceof OutrunnerError && error.code === 'precondition-failed';
  const isNewer = base !== null && latest !== null && latest.version !== base.version;
  // While one's own save is under way, the new version may be one's own.
  const clash = isNewer && !isPending && !isSuccess ? { base, latest } : null;
  const change = (next: Partial<JobDraft>) => {
    // Whoever types is where they want to be.
    setSought(false);
    setDraft((before) => ({ ...before, ...next }));
  };
  const goTo = (next: EditorTab) =>
    void navigate({ to: '.', search: (before) => ({ ...before, tab: next }), replace: true, resetScroll: false });

  const blocker = useBlocker({
    // Another tab of the editor is the same page.
    shouldBlockFn: ({ current, next }) => changed && !saved.current && current.pathname !== next.pathname,
    enableBeforeUnload: () => changed && !saved.current,
    withResolver: true,
  });

  /** `over`: the version that is replaced, instead of the one that editing began with. */
  const submit = (over: Job | null = base) => {
    setTried(true);
    setSought(false);
    if (!checked.success) {
      const [first] = fieldsOf(checked.error);
      if (first !== undefined) goTo(tabOf(first.path));
      setSought(true);
      return;
    }
    const after = {
      onSuccess: (job: Job) => {
        saved.current = true;
        toastDone(over === null ? `${job.name} was created` : `${job.name} was saved`);
        void navigate({ to: '/projects/$project/jobs/$id', params: { project, id: job.id } });
      },
      onError: (problem: unknown) => {
        if (problem instanceof OutrunnerError && problem.code === 'precondition-failed' && over !== null)
          void client.invalidateQueries({ queryKey: jobKeys.detail(over.id) });
        const path = problem instanceof OutrunnerError ? problem.fields[0]?.path : undefined;
        if (path === undefined) return;
        goTo(tabOf(path));
        setSought(true);
      },
    };
    const job = jobInputOf(draft);
    if (over === null) create.mutate({ project, job }, after);
    else replace.mutate({ id: over.id, job, version: over.version }, after);
  };
  const load = (job: Job) => {
    if (changed) setAside(draft);
    const theirs = draftOf(job);
    replace.reset();
    setTried(false);
    setBase(job);
    setInitial(theirs);
    setDraft(theirs);
  };
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!sought) return;
    const wrong = [...(form.current?.querySelectorAll<HTMLElement>('[aria-invalid="true"]') ?? [])];
    const first = wrong.find((field) => field.checkVisibility());
    if (first === undefined) return;
    first.focus();
    setSought(false);
  });
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
        {clash !== null && (
          <JobClash
            {...clash}
            changed={changed}
            refused={outdated}
            pending={isPending}
            onLoad={() => load(clash.latest)}
            onOverwrite={() => submit(clash.latest)}
          />
        )}
        {clash === null && aside !== null && (
          <Alert
            color="blue"
            variant="light"
            mb="md"
            icon={<IconInfoCircle aria-hidden />}
            title={`This is version ${base?.version ?? ''} now; what you typed was put aside`}
          >
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => {
                setDraft(aside);
                setAside(null);
              }}
            >
              Bring mine back
            </Button>
          </Alert>
        )}
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
        {error !== null && !(outdated && clash !== null) && (
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
            {base === null ? 'Create job' : 'Save'}
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
