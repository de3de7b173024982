import { z } from 'zod';
import { IdSchema, lineSchema, textSchema } from './fields.ts';

/** What a job says and what an agent is asked to do: steps, the plan, and its signed envelope. */

/** Names of options and environment variables, as shells accept them. */
export const OptionNameSchema = z
  .string('An option name must be text.')
  .regex(
    /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/,
    'An option name has letters, digits, dots, hyphens and underscores, and starts with a letter or underscore.',
  );
export const EnvironmentNameSchema = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
    'An environment name has letters, digits and underscores, and starts with a letter or underscore.',
  );

const value = textSchema('A value', 100_000).refine(
  (text) => !text.includes('\u0000'),
  'A value must not have a NUL character.',
);

export const StepLabelSchema = textSchema('Label', 200).refine(
  (text) => !/[\r\n]/.test(text),
  'Label must be one line.',
);

/**
 * Which program reads a command or script: a name that the host resolves (`sh`, `bash`, `pwsh`, `powershell`, `python3`…)
 * or an absolute path. Empty: the host's default (sh; PowerShell on Windows). Never a command line: no arguments in it.
 */
export const InterpreterSchema = textSchema('Interpreter', 300).refine(
  (text) => !/[\r\n\t]/.test(text),
  'Interpreter must be one line.',
);

const stepBase = {
  label: StepLabelSchema.default(''),
  interpreter: InterpreterSchema.default(''),
};

/** One line handed to the host's shell. */
export const CommandStepSchema = z.strictObject({
  type: z.literal('command'),
  command: textSchema('Command', 100_000).refine((text) => text.trim() !== '', 'Command is required.'),
  ...stepBase,
});

/** A text that is written to a file and run by an interpreter with arguments. */
export const ScriptStepSchema = z.strictObject({
  type: z.literal('script'),
  script: textSchema('Script', 1_000_000).refine((text) => text.trim() !== '', 'Script is required.'),
  arguments: z.array(value, 'Arguments must be a list of text.').max(200).default([]),
  ...stepBase,
});

export const StepSchema = z.discriminatedUnion('type', [CommandStepSchema, ScriptStepSchema]).meta({ id: 'Step' });
export type Step = z.output<typeof StepSchema>;
export type StepInput = z.input<typeof StepSchema>;

/** Seconds; 0 means none. At most 30 days. */
export const TimeoutSecondsSchema = z
  .number('Timeout must be a number of seconds.')
  .int('Timeout must be whole seconds.')
  .min(0, 'Timeout must not be negative.')
  .max(2_592_000, 'Timeout is at most 30 days.');

export const WorkflowSchema = z
  .strictObject({
    steps: z
      .array(StepSchema, 'Steps must be a list.')
      .min(1, 'At least one step is needed.')
      .max(200, 'At most 200 steps are possible.'),
    /** true: run the remaining steps after a failed one, then fail. */
    keepGoing: z.boolean('keepGoing must be true or false.').default(false),
    timeoutSeconds: TimeoutSecondsSchema.default(0),
  })
  .meta({ id: 'Workflow' });
export type Workflow = z.output<typeof WorkflowSchema>;

export const OptionValuesSchema = z
  .record(OptionNameSchema, value)
  .refine((values) => Object.keys(values).length <= 200, 'At most 200 options are possible.');

/**
 * How much a whole operation may print, over all its steps and both streams. Beyond it the rest is not recorded and the steps
 * go on (`truncate`), or the operation is stopped and fails (`stop`); either way a mark in the journal says so.
 */
export const OutputLimitSchema = z
  .strictObject({
    /** Bytes; 0 means any number. */
    bytes: z
      .number('Output limit must be a number of bytes.')
      .int('Output limit must be whole bytes.')
      .min(0, 'Output limit must not be negative.')
      .max(1_000_000_000_000, 'Output limit is at most 1 TB.')
      .default(0),
    /** Lines; 0 means any number. */
    lines: z
      .number('Output limit must be a number of lines.')
      .int('Output limit must be whole lines.')
      .min(0, 'Output limit must not be negative.')
      .max(10_000_000_000, 'Output limit is at most 10,000,000,000 lines.')
      .default(0),
    action: z.enum(['truncate', 'stop'], 'Action is truncate or stop.').default('truncate'),
  })
  .meta({ id: 'OutputLimit' });
export type OutputLimit = z.output<typeof OutputLimitSchema>;

export const NO_OUTPUT_LIMIT: OutputLimit = { bytes: 0, lines: 0, action: 'truncate' };

/** Who goes first among those that wait: the higher number, then the older execution. */
export const PrioritySchema = z
  .number('Priority must be a number.')
  .int('Priority must be a whole number.')
  .min(-100, 'Priority is at least -100.')
  .max(100, 'Priority is at most 100.');

/** What one Runner is asked to do: the whole workflow, so that steps follow each other without a round trip. */
export const PlanSchema = z.object({
  steps: z.array(StepSchema).min(1),
  keepGoing: z.boolean(),
  timeoutSeconds: z.number().int().min(0),
  /** Seconds between the polite stop (TERM) and the hard one (KILL). */
  graceSeconds: z.number().int().min(0).max(600),
  outputLimit: OutputLimitSchema.default(NO_OUTPUT_LIMIT),
  options: z.record(z.string(), z.string()),
  /** Further variables of the environment: `RD_JOB_NAME` and the like. */
  environment: z.record(EnvironmentNameSchema, z.string()),
});
export type Plan = z.infer<typeof PlanSchema>;

/** What the coordinator signs. The agent checks signature, addressee, expiry and policy before it accepts. */
export const OperationSchema = z.object({
  operation: IdSchema,
  execution: IdSchema,
  /** Fencing token: a second attempt of the same operation has a higher number. */
  attempt: z.number().int().min(1),
  runner: IdSchema,
  replica: IdSchema,
  project: z.string(),
  job: z.object({ id: IdSchema, name: z.string() }).nullable(),
  user: z.string(),
  /** Milliseconds since the epoch, by the coordinator's clock. */
  issuedAt: z.number(),
  /** The agent must not accept it later than this (coordinator's clock; the agent knows the skew). */
  acceptBefore: z.number(),
  plan: PlanSchema,
});
export type Operation = z.infer<typeof OperationSchema>;

/**
 * The environment name of an option: `RD_OPTION_` and the name in upper case with everything but letters and digits as
 * underscore (spec 18.5).
 */
export function optionEnvironmentName(option: string): string {
  return `RD_OPTION_${option.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/** A step's label, or a short form of what it does. */
export function stepLabel(step: Pick<Step, 'label' | 'type'> & { command?: string; script?: string }): string {
  if (step.label !== '') return step.label;
  const text = (step.type === 'command' ? step.command : step.script) ?? '';
  const line = text.split('\n').find((candidate) => candidate.trim() !== '' && !candidate.startsWith('#!')) ?? '';
  const short = line.trim().length > 60 ? `${line.trim().slice(0, 59)}…` : line.trim();
  return step.type === 'script' ? `Script: ${short}` : short;
}

export const JobNameSchema = lineSchema('Name', 200);
