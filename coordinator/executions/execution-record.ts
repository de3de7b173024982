import type { Selectable } from 'kysely';
import { z } from 'zod';
import type { Execution, ExecutionSummary } from '../../protocol/api/executions.ts';
import { isTerminal, type WorkState } from '../../protocol/execution-state.ts';
import { StepReasonSchema, SurvivorSchema } from '../../protocol/journal.ts';
import {
  OptionValuesSchema,
  type OutputLimit,
  OutputLimitSchema,
  type Workflow,
  WorkflowSchema,
} from '../../protocol/operation.ts';
import { tagKey } from '../../protocol/tags.ts';
import type { ExecutionStepTable, ExecutionTable, OperationTable } from '../store/schema.ts';
import { isoTime } from '../store/stored-forms.ts';

export type ExecutionRow = Selectable<ExecutionTable>;
export type StepRow = Selectable<ExecutionStepTable>;
export type OperationRow = Selectable<OperationTable>;
export type Survivor = z.infer<typeof SurvivorSchema>;

const NotesSchema = z.array(z.object({ at: z.number(), text: z.string() }));
export type Note = z.infer<typeof NotesSchema>[number];

/** Notes kept for one execution: an agent that misbehaves must not fill the table. */
const NOTES_KEPT = 50;

/**
 * One execution as the coordinator holds it in memory while it is not over: the rows as they are or shall be, with their
 * JSON parsed, and which of them the table does not know yet.
 */
export class ExecutionRecord {
  readonly row: ExecutionRow;
  readonly steps: StepRow[];
  readonly operation: OperationRow;
  readonly tags: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly workflow: Workflow;
  readonly outputLimit: OutputLimit;
  readonly notes: Note[];
  survivors: readonly Survivor[];
  /** Those with the same one want the same Runners: see {@link PendingQueue}. */
  readonly lane: string;
  /** Group of the job, for the environment of its steps; empty when there is none. */
  readonly jobGroup: string;
  /** When the lease lapses unless the agent is heard of later, on the monotonic clock; null: nobody has been asked. */
  leaseUntil: number | null = null;
  /** When the agent was last asked to send again, on the monotonic clock. */
  askedAgainAt = Number.NEGATIVE_INFINITY;
  /** When its agent came back without listing the offer, on the monotonic clock. */
  unlistedAt: number | null = null;
  /** Another process with the identity of its agent came without it: where it is, and whether it began, is not known. */
  mayBeWithCopy = false;
  /** It was over already when its agent came back: only its log is being completed. */
  isLate = false;
  /** Settles when the journal has been looked at after a restart. */
  ready: Promise<void> = Promise.resolve();
  /** What the tables do not know yet. */
  readonly unsaved = { row: false, operation: false, steps: new Set<number>() };

  /** `parts`: what the JSON in `row` says, for who has just written it there. */
  constructor(
    row: ExecutionRow,
    steps: StepRow[],
    operation: OperationRow,
    jobGroup: string,
    parts: RecordParts = readParts(row),
  ) {
    this.jobGroup = jobGroup;
    this.row = row;
    this.steps = steps;
    this.operation = operation;
    this.tags = parts.tags;
    this.lane = laneOf(row.project_id, this.tags);
    this.options = parts.options;
    this.workflow = parts.workflow;
    this.outputLimit = parts.outputLimit;
    this.notes = NotesSchema.parse(JSON.parse(row.notes));
    this.survivors = readSurvivors(row);
  }

  get id(): string {
    return this.row.id;
  }

  /** It is over; what still arrives becomes a note. */
  get ended(): boolean {
    return isTerminal(this.row.state);
  }

  /** Where it stands, for the rules that decide what comes next. */
  get work(): WorkState {
    return { execution: this.row.state, operation: this.operation.state, attempt: this.operation.attempt };
  }

  /** For {@link ExecutionLife} alone, which is the one writer of these. */
  moveTo({ execution, operation, attempt }: WorkState): void {
    Object.assign(this.row, { state: execution });
    Object.assign(this.operation, { state: operation, attempt });
    this.unsaved.row = true;
    this.unsaved.operation = true;
  }

  /** The agent was heard of with it: it counts as lost only after as long again. */
  renewLease(monotonic: number): void {
    if (this.leaseUntil !== null) this.leaseUntil = monotonic + this.row.lease_seconds * 1000;
  }

  change(change: Partial<Omit<ExecutionRow, 'state'>>): void {
    Object.assign(this.row, change);
    this.unsaved.row = true;
  }

  changeOperation(change: Partial<Omit<OperationRow, 'state' | 'attempt'>>): void {
    Object.assign(this.operation, change);
    this.unsaved.operation = true;
  }

  changeStep(position: number, change: Partial<StepRow>): void {
    const step = this.steps[position];
    if (step === undefined) return;
    Object.assign(step, change);
    this.unsaved.steps.add(position);
  }

  setSurvivors(survivors: readonly Survivor[]): void {
    this.survivors = survivors;
    this.change({ survivors: JSON.stringify(survivors) });
  }

  note(at: number, text: string): void {
    if (this.notes.length >= NOTES_KEPT) return;
    this.notes.push({ at, text: text.slice(0, 2000) });
    this.change({ notes: JSON.stringify(this.notes) });
  }
}

/** What stands as JSON in the row of an execution and never changes. */
export interface RecordParts {
  readonly tags: readonly string[];
  readonly options: Readonly<Record<string, string>>;
  readonly workflow: Workflow;
  readonly outputLimit: OutputLimit;
}

function readParts(row: ExecutionRow): RecordParts {
  return {
    tags: z.array(z.string()).parse(JSON.parse(row.runner_tags)),
    options: OptionValuesSchema.parse(JSON.parse(row.options)),
    workflow: WorkflowSchema.parse(JSON.parse(row.workflow)),
    outputLimit: OutputLimitSchema.parse(JSON.parse(row.output_limit)),
  };
}

/** Names the Runners that are wanted: those of a project that have all of these tags. */
export function laneOf(projectId: string, tags: readonly string[]): string {
  return JSON.stringify([projectId, tags.map(tagKey).sort()]);
}

/** Bytes and records of the stored journal, as far as they are known. */
export interface OutputSize {
  readonly bytes: number;
  readonly records: number;
}

export function executionView(record: ExecutionRecord, output: OutputSize): Execution {
  const { row, operation } = record;
  return {
    ...summaryView(row),
    replica: row.replica_id === null ? null : { id: row.replica_id, hostname: row.replica_hostname ?? '' },
    runnerTags: [...record.tags],
    options: { ...record.options },
    steps: record.steps.map((step) => ({
      index: step.position,
      type: step.type,
      label: step.label,
      state: step.state,
      startedAt: isoTime(step.started_at),
      endedAt: isoTime(step.ended_at),
      exitCode: step.exit_code,
      signal: step.signal,
      reason: StepReasonSchema.nullable().catch(null).parse(step.reason),
      detail: step.detail,
    })),
    keepGoing: record.workflow.keepGoing,
    timeoutSeconds: record.workflow.timeoutSeconds,
    graceSeconds: row.grace_seconds,
    cancelAskedAt: isoTime(row.cancel_asked_at),
    outputLimit: record.outputLimit,
    workflow: record.workflow,
    operation: { id: operation.id, attempt: operation.attempt, state: operation.state },
    survivors: [...record.survivors],
    notes: record.notes.map((note) => ({ at: new Date(note.at).toISOString(), text: note.text })),
    output: {
      bytes: operation.journal_bytes ?? output.bytes,
      records: operation.journal_records ?? output.records,
      complete: operation.journal_records !== null,
    },
  };
}

function readSurvivors({ survivors }: ExecutionRow): Survivor[] {
  // Nearly always so, and asked for each row of a list.
  return survivors === '[]' ? [] : z.array(SurvivorSchema).parse(JSON.parse(survivors));
}

export function summaryView(row: ExecutionRow): ExecutionSummary {
  return {
    id: row.id,
    number: row.number,
    project: row.project_name,
    kind: row.kind,
    job: row.job_id === null ? null : { id: row.job_id, name: row.job_name ?? '' },
    title: row.title,
    state: row.state,
    reason: row.reason,
    user: row.user_name,
    priority: row.priority,
    createdAt: new Date(row.created_at).toISOString(),
    startedAt: isoTime(row.started_at),
    endedAt: isoTime(row.ended_at),
    runner: row.runner_id === null ? null : { id: row.runner_id, name: row.runner_name ?? '' },
    survivorCount: readSurvivors(row).length,
  };
}
