import { IconTerminal2 } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import type { ExecutionSummary } from '../../protocol/api/executions.ts';
import { AdHocSchema } from '../../protocol/api/jobs.ts';
import { fieldsOf, OutrunnerError } from '../../protocol/problems.ts';
import { adHocOf } from '../activity/ad-hoc-of.ts';
import { executionQueries } from '../api/execution-queries.ts';
import { jobMutations } from '../api/job-queries.ts';
import { errorsByPath } from '../jobs/job-draft.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { PageHeader } from '../ui/page-header.tsx';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { toastProblem } from '../ui/toast.tsx';
import { adHocRequest, type CommandDraft, draftOfAdHoc, EMPTY_COMMAND } from './command-draft.ts';
import { CommandForm } from './command-form.tsx';
import { CommandHistory } from './command-history.tsx';
import { CommandResult } from './command-result.tsx';
import classes from './commands.module.css';
import { CommandsSearchSchema } from './commands-search.ts';

/** An ad hoc command or script on a Runner, its output below, and what was run here before. */
export function CommandsScreen() {
  const { project = '' } = useParams({ strict: false });
  const { execution = null } = CommandsSearchSchema.parse(useSearch({ strict: false }));
  const navigate = useNavigate();
  const client = useQueryClient();
  const run = useMutation(jobMutations.runAdHoc());
  const [draft, setDraft] = useState<CommandDraft>(EMPTY_COMMAND);
  const [tried, setTried] = useState(false);

  const request = adHocRequest(draft);
  const checked = AdHocSchema.safeParse(request);
  const refused = run.error instanceof OutrunnerError ? run.error.fields : [];
  const errors = errorsByPath([...(checked.success || !tried ? [] : fieldsOf(checked.error)), ...refused]);
  const show = (id: string) => void navigate({ to: '.', search: { execution: id }, replace: true, resetScroll: false });

  const start = () => {
    setTried(true);
    if (!checked.success || run.isPending) return;
    run.mutate(
      { project, body: request, idempotencyKey: crypto.randomUUID() },
      {
        onSuccess: ({ id }) => {
          setTried(false);
          show(id);
        },
      },
    );
  };
  const pick = async ({ id }: ExecutionSummary) => {
    show(id);
    try {
      const body = adHocOf(await client.fetchQuery(executionQueries.detail(id)));
      if (body !== null) setDraft(draftOfAdHoc(body));
    } catch (error) {
      toastProblem('The command could not be read', error);
    }
  };

  return (
    <div className={classes.screen}>
      <PageHeader title="Commands" description="Runs a command or a script at once, on one Runner of this project." />
      <div className={classes.body}>
        <div className={classes.main}>
          <div className={classes.panel}>
            <CommandForm
              project={project}
              draft={draft}
              onChange={(change) => setDraft({ ...draft, ...change })}
              errors={errors}
              pending={run.isPending}
              onRun={start}
            />
            {run.error && <ProblemAlert error={run.error} shownFields={(path) => errors.has(path)} />}
          </div>
          {execution === null ? (
            <EmptyState icon={<IconTerminal2 size={28} />} title="No command is shown">
              What you run prints here while it runs. Pick a recent command to see its output and to run it again.
            </EmptyState>
          ) : (
            <CommandResult key={execution} executionId={execution} />
          )}
        </div>
        <CommandHistory project={project} current={execution} onPick={(one) => void pick(one)} />
      </div>
    </div>
  );
}
