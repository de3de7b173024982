import type { z } from 'zod';
import {
  FinishedPayloadSchema,
  type JournalRecord,
  readPayload,
  StepFinishedPayloadSchema,
  type StepReason,
} from '../../protocol/journal.ts';
import type { ExecutionRecord, StepRow } from './execution-record.ts';

export type Finished = z.infer<typeof FinishedPayloadSchema> & { readonly at: number };

/** Times by the agent's clock are only believed within this of ours, after its skew was taken off. */
const BELIEVED_MS = 366 * 24 * 3_600_000;

const STEP_STATES: Readonly<Record<StepReason, StepRow['state']>> = {
  completed: 'succeeded',
  NonZeroResultCode: 'failed',
  signalled: 'failed',
  timeout: 'timedout',
  cancelled: 'aborted',
  IOFailure: 'failed',
  'interpreter-missing': 'failed',
  'agent-restarted': 'failed',
  'agent-stopped': 'failed',
  'output-limit': 'failed',
  skipped: 'skipped',
};

/**
 * Applies one stored journal record to the steps of an execution; returns the end when the record tells it. What cannot
 * be read becomes a note; an end that cannot be read is still an end, so that nothing waits for ever.
 */
export function applyEvent(
  record: ExecutionRecord,
  event: JournalRecord,
  skewMs: number,
  now: number,
): Finished | null {
  const at = coordinatorTime(event.time, skewMs, record.row.created_at, now);
  try {
    if (event.kind === 'step-started') startStep(record, event.step, at);
    if (event.kind === 'step-finished') finishStep(record, event, at);
    if (event.kind === 'finished') return { ...readPayload(FinishedPayloadSchema, event), at };
  } catch {
    // The bytes are what the agent said; the fault is the agent's and is shown to people.
    record.note(now, `The record ${event.number} (${event.kind}) of the Runner cannot be read.`);
    if (event.kind === 'finished') {
      return { outcome: 'failed', reason: 'The Runner reported an end that cannot be read.', survivors: [], at };
    }
  }
  return null;
}

/** Sets the steps back to what they were before the journal said anything, to apply a journal again from its start. */
export function forgetEvents(record: ExecutionRecord): void {
  for (const step of record.steps) {
    record.changeStep(step.position, {
      state: 'waiting',
      started_at: null,
      ended_at: null,
      exit_code: null,
      signal: null,
      reason: null,
      detail: '',
    });
  }
}

/** Brings the steps of an execution that is over to an end as well. */
export function closeSteps(record: ExecutionRecord, now: number): void {
  const { state } = record.row;
  for (const step of record.steps) {
    if (step.state === 'running') {
      const end = state === 'succeeded' || state === 'failed' ? 'failed' : (state as StepRow['state']);
      record.changeStep(step.position, { state: end, ended_at: state === 'lost' ? null : now });
    } else if (step.state === 'waiting') {
      record.changeStep(step.position, { state: state === 'lost' ? 'lost' : 'skipped' });
    }
  }
}

function startStep(record: ExecutionRecord, position: number, at: number): void {
  record.changeStep(position, { state: 'running', started_at: at });
}

function finishStep(record: ExecutionRecord, event: JournalRecord, at: number): void {
  const { reason, exitCode, signal, detail, survivors } = readPayload(StepFinishedPayloadSchema, event);
  record.changeStep(event.step, {
    state: STEP_STATES[reason],
    ended_at: reason === 'skipped' ? null : at,
    exit_code: exitCode,
    signal,
    reason,
    detail: detail.slice(0, 2000),
  });
  if (survivors.length > 0) record.setSurvivors([...record.survivors, ...survivors].slice(0, 200));
}

/** A time of the agent's clock on ours: its skew taken off, never before the execution, never from a broken clock. */
export function coordinatorTime(time: number, skewMs: number, earliest: number, now: number): number {
  const corrected = Math.round(time - skewMs);
  if (!Number.isFinite(corrected) || Math.abs(corrected - now) > BELIEVED_MS) return now;
  return Math.min(Math.max(corrected, earliest), Math.max(now, earliest));
}
