import type { Job, JobInput } from '../../protocol/api/jobs.ts';
import { NO_OUTPUT_LIMIT, type OutputLimit, type Step } from '../../protocol/operation.ts';
import type { FieldProblem } from '../../protocol/problems.ts';
import type { EditorTab } from './jobs-search.ts';

/**
 * What the editor holds of a job. Command and script of a step are kept beside each other, so that changing the type
 * loses nothing; every step and option has a key of its own, so that moving one keeps its field and its focus.
 */
export interface JobDraft {
  readonly name: string;
  readonly group: string;
  readonly description: string;
  readonly steps: readonly StepDraft[];
  readonly options: readonly OptionDraft[];
  readonly runnerTags: readonly string[];
  readonly keepGoing: boolean;
  readonly timeoutSeconds: number;
  readonly queueSeconds: number;
  readonly leaseSeconds: number;
  readonly graceSeconds: number;
  readonly priority: number;
  readonly outputLimit: OutputLimit;
}

export interface StepDraft {
  readonly key: string;
  readonly type: Step['type'];
  readonly label: string;
  readonly interpreter: string;
  readonly command: string;
  readonly script: string;
  readonly arguments: readonly string[];
}

export interface OptionDraft {
  readonly key: string;
  readonly name: string;
  readonly description: string;
  readonly value: string;
  readonly required: boolean;
}

let keys = 0;
function newKey(): string {
  keys += 1;
  return `k${keys}`;
}

export function newStep(type: Step['type']): StepDraft {
  return { key: newKey(), type, label: '', interpreter: '', command: '', script: '', arguments: [] };
}

export function newOption(): OptionDraft {
  return { key: newKey(), name: '', description: '', value: '', required: false };
}

/** The draft of a new job: one empty command, and the coordinator's own defaults for the rest. */
export function emptyDraft(): JobDraft {
  return {
    name: '',
    group: '',
    description: '',
    steps: [newStep('command')],
    options: [],
    runnerTags: [],
    keepGoing: false,
    timeoutSeconds: 0,
    queueSeconds: 3600,
    leaseSeconds: 600,
    graceSeconds: 10,
    priority: 0,
    outputLimit: NO_OUTPUT_LIMIT,
  };
}

/** The draft of a job that exists. */
export function draftOf(job: Job): JobDraft {
  const { name, group, description, runnerTags, queueSeconds, leaseSeconds, graceSeconds, workflow } = job;
  const { priority, outputLimit } = job;
  return {
    name,
    group,
    description,
    runnerTags,
    queueSeconds,
    leaseSeconds,
    graceSeconds,
    priority,
    outputLimit,
    keepGoing: workflow.keepGoing,
    timeoutSeconds: workflow.timeoutSeconds,
    steps: workflow.steps.map((step) => ({
      ...newStep(step.type),
      label: step.label,
      interpreter: step.interpreter,
      ...(step.type === 'command' ? { command: step.command } : { script: step.script, arguments: step.arguments }),
    })),
    options: job.options.map((option) => ({ ...option, key: newKey() })),
  };
}

/** What the coordinator is sent. It is not validated yet. */
export function jobInputOf(draft: JobDraft): JobInput {
  const { steps, options, keepGoing, timeoutSeconds, runnerTags, ...rest } = draft;
  return {
    ...rest,
    runnerTags: [...runnerTags],
    options: options.map(({ key: _, ...option }) => option),
    workflow: {
      keepGoing,
      timeoutSeconds,
      steps: steps.map(({ type, label, interpreter, command, script, arguments: given }) =>
        type === 'command'
          ? { type, label, interpreter, command }
          : { type, label, interpreter, script, arguments: [...given] },
      ),
    },
  };
}

/** Whether two drafts would be sent alike. */
export function sameJob(a: JobDraft, b: JobDraft): boolean {
  return JSON.stringify(jobInputOf(a)) === JSON.stringify(jobInputOf(b));
}

const OTHER_FIELDS = [
  'queueSeconds',
  'leaseSeconds',
  'graceSeconds',
  'priority',
  'workflow.keepGoing',
  'workflow.timeoutSeconds',
];

/** The tab on which a field stands, by its path in the input. */
export function tabOf(path: string): EditorTab {
  if (OTHER_FIELDS.includes(path) || path.startsWith('outputLimit')) return 'other';
  if (path.startsWith('workflow')) return 'workflow';
  if (path.startsWith('options')) return 'options';
  if (path.startsWith('runnerTags')) return 'runners';
  return 'details';
}

/** The first message for each path; a path below `arguments` counts for its argument. */
export type FieldErrors = ReadonlyMap<string, string>;

export function errorsByPath(fields: readonly FieldProblem[]): FieldErrors {
  const errors = new Map<string, string>();
  for (const { path, message } of fields) if (!errors.has(path)) errors.set(path, message);
  return errors;
}

/** The first message at a path or below it: a field of several values shows one of theirs. */
export function errorBelow(errors: FieldErrors, path: string): string | undefined {
  const own = errors.get(path);
  if (own !== undefined) return own;
  for (const [at, message] of errors) if (at.startsWith(`${path}.`)) return message;
  return undefined;
}

/** A list with the item at `from` moved to `to`. */
export function moved<Item>(items: readonly Item[], from: number, to: number): Item[] {
  const rest = items.filter((_, index) => index !== from);
  const item = items[from];
  if (item === undefined) return [...items];
  const place = Math.max(0, Math.min(rest.length, to));
  return [...rest.slice(0, place), item, ...rest.slice(place)];
}
