import { z } from 'zod';

/**
 * The life of an execution and of its operation, as pure functions. The coordinator is the only writer; a terminal state
 * is final, and what arrives later is kept as a note.
 */

export const ExecutionStateSchema = z
  .enum(['scheduled', 'queued', 'running', 'stopping', 'succeeded', 'failed', 'aborted', 'timedout', 'lost'])
  .meta({ id: 'ExecutionState' });
export type ExecutionState = z.infer<typeof ExecutionStateSchema>;

export const TERMINAL_STATES = [
  'succeeded',
  'failed',
  'aborted',
  'timedout',
  'lost',
] as const satisfies readonly ExecutionState[];

export function isTerminal(state: ExecutionState): boolean {
  return (TERMINAL_STATES as readonly ExecutionState[]).includes(state);
}

/**
 * Where the delegated part stands: `pending` (no Runner yet), `offered` (sent, not yet accepted), `accepted` (the agent wrote
 * it down; nothing of it ran yet), `started` (its journal has begun), `ended`.
 */
export const OperationStateSchema = z
  .enum(['pending', 'offered', 'accepted', 'started', 'ended'])
  .meta({ id: 'OperationState' });
export type OperationState = z.infer<typeof OperationStateSchema>;

/** An execution and its operation, as far as their lives go: what the rules decide over. */
export interface WorkState {
  readonly execution: ExecutionState;
  readonly operation: OperationState;
  /** Fencing token: what is said under another attempt does not count. */
  readonly attempt: number;
}

export const OUTCOMES = ['succeeded', 'failed', 'aborted', 'timedout'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export type WorkEvent =
  /** A Runner was chosen, a slot reserved there: it is offered under the present attempt. */
  | { readonly type: 'offered' }
  /** The agent wrote the operation down. */
  | { readonly type: 'accepted'; readonly attempt: number }
  /** The first record of its journal is stored: steps run. */
  | { readonly type: 'started'; readonly attempt: number }
  /** It provably never started under this attempt: it could not be sent, was not accepted in time, or was handed back. */
  | { readonly type: 'taken-back'; readonly attempt: number }
  /** The agent refused it for good. */
  | { readonly type: 'refused'; readonly attempt: number }
  /** The `finished` record was stored. */
  | { readonly type: 'finished'; readonly attempt: number; readonly outcome: Outcome }
  /** The lease lapsed, or the agent no longer has it: how it ended is not known. */
  | { readonly type: 'lease-lapsed'; readonly attempt: number }
  /** A person or the API asked to stop it. */
  | { readonly type: 'cancel-asked' }
  /** It waited for a Runner until its deadline. */
  | { readonly type: 'queue-deadline' };

export interface Transition {
  readonly next: WorkState;
  /** false: the event came too late or does not apply; nothing is changed, and what it said may become a note. */
  readonly applied: boolean;
}

/**
 * What `event` makes of an execution and its operation. The one place that decides it: a terminal state is never left, an
 * operation that started is never offered again, and what another attempt says changes nothing.
 */
export function nextWorkState(work: WorkState, event: WorkEvent): Transition {
  const { execution, operation, attempt } = work;
  const unchanged: Transition = { next: work, applied: false };
  const to = (change: Partial<WorkState>): Transition => ({ next: { ...work, ...change }, applied: true });
  const end = (state: Outcome | 'lost') => to({ execution: state, operation: 'ended' });
  if (isTerminal(execution)) return unchanged;
  if ('attempt' in event && event.attempt !== attempt) return unchanged;
  const isGiven = operation === 'offered' || operation === 'accepted' || operation === 'started';
  switch (event.type) {
    case 'offered':
      return execution === 'queued' && operation === 'pending' ? to({ operation: 'offered' }) : unchanged;
    case 'accepted':
      return operation === 'offered' ? to({ operation: 'accepted' }) : unchanged;
    case 'started':
      if (operation !== 'offered' && operation !== 'accepted') return unchanged;
      return to({ operation: 'started', execution: execution === 'queued' ? 'running' : execution });
    case 'taken-back':
      if (operation !== 'offered' && operation !== 'accepted') return unchanged;
      // A new number fences off whoever still has the old one. A stop that was asked for is true now: nothing ran.
      if (execution === 'stopping') return to({ execution: 'aborted', operation: 'ended', attempt: attempt + 1 });
      return to({ operation: 'pending', attempt: attempt + 1 });
    case 'refused':
      if (operation !== 'offered') return unchanged;
      return end(execution === 'stopping' ? 'aborted' : 'failed');
    case 'finished':
      return isGiven ? end(event.outcome) : unchanged;
    case 'lease-lapsed':
      return isGiven ? end('lost') : unchanged;
    case 'cancel-asked':
      // What no agent has been given ends at once; what may be running must be seen to stop first.
      if (operation === 'pending') return end('aborted');
      return execution === 'stopping' ? unchanged : to({ execution: 'stopping' });
    case 'queue-deadline':
      return operation === 'pending' ? end('failed') : unchanged;
  }
}
