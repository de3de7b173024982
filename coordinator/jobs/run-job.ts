import type { z } from 'zod';
import type { Execution } from '../../protocol/api/executions.ts';
import type { AdHocSchema, RunJobSchema } from '../../protocol/api/jobs.ts';
import { InterpreterSchema, type Workflow } from '../../protocol/operation.ts';
import { fieldsOf, OutrunnerError } from '../../protocol/problems.ts';
import type { Executions } from '../executions/executions.ts';
import { titleOf } from '../executions/reasons.ts';
import { findProject } from '../projects/find-project.ts';
import { findJob } from './change-jobs.ts';
import { jobDefinition } from './job-view.ts';
import { resolveOptions } from './resolve-options.ts';

/** What an ad hoc command gets, as a job would by default. */
const AD_HOC = { queueSeconds: 3600, leaseSeconds: 600, graceSeconds: 10 } as const;

type User = { readonly id: string; readonly name: string };

/** Runs a job. @throws OutrunnerError `not-found`, or `invalid-input` naming each option that is not right. */
export async function runJob(
  executions: Executions,
  id: string,
  body: z.output<typeof RunJobSchema>,
  user: User,
  onceId?: string,
): Promise<Execution> {
  const { row, project } = await findJob(executions.store.read, id);
  const job = jobDefinition(row);
  return executions.run({
    onceId,
    project: { id: row.project_id, name: project },
    kind: 'job',
    job: { id, name: job.name, group: job.group },
    title: job.name,
    workflow: job.workflow,
    runnerTags: body.runnerTags ?? job.runnerTags,
    options: resolveOptions(job.options, body.options),
    queueSeconds: job.queueSeconds,
    leaseSeconds: job.leaseSeconds,
    graceSeconds: job.graceSeconds,
    priority: body.priority ?? job.priority,
    outputLimit: job.outputLimit,
    user,
  });
}

/** Runs a command or a script that is stored nowhere. @throws OutrunnerError `not-found` for the project, `invalid-input`. */
export async function runAdHoc(
  executions: Executions,
  projectName: string,
  body: z.output<typeof AdHocSchema>,
  user: User,
  onceId?: string,
): Promise<Execution> {
  const project = await findProject(executions.store.read, projectName);
  const workflow = adHocWorkflow(body);
  const [step] = workflow.steps;
  return executions.run({
    onceId,
    project: { id: project.id, name: project.name },
    kind: body.command === undefined ? 'script' : 'command',
    job: null,
    title: step === undefined ? '' : titleOf(step),
    workflow,
    runnerTags: body.runnerTags,
    options: {},
    ...AD_HOC,
    priority: body.priority,
    outputLimit: body.outputLimit,
    user,
  });
}

function adHocWorkflow(body: z.output<typeof AdHocSchema>): Workflow {
  const interpreter = InterpreterSchema.safeParse(body.interpreter);
  if (!interpreter.success) {
    throw new OutrunnerError('invalid-input', { fields: fieldsOf(interpreter.error, 'interpreter') });
  }
  const common = { label: '', interpreter: interpreter.data };
  const step =
    body.command === undefined
      ? { type: 'script' as const, script: body.script ?? '', arguments: [], ...common }
      : { type: 'command' as const, command: body.command, ...common };
  return { steps: [step], keepGoing: false, timeoutSeconds: body.timeoutSeconds };
}
