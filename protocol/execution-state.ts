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

/** Where the delegated part stands: `pending` (no Runner yet), `offered` (sent, not yet accepted), `accepted`, `ended`. */
export const OperationStateSchema = z.enum(['pending', 'offered', 'accepted', 'ended']).meta({ id: 'OperationState' });
export type OperationState = z.infer<typeof OperationStateSchema>;

export type ExecutionEvent =
  /** The agent wrote the operation down and begins. */
  | { readonly type: 'accepted' }
  /** A person or the API asked to stop it. */
  | { readonly type: 'cancel-asked' }
  /** The `finished` record was stored. */
  | { readonly type: 'finished'; readonly outcome: 'succeeded' | 'failed' | 'aborted' | 'timedout' }
  /** It waited for a Runner until its deadline. */
  | { readonly type: 'queue-deadline' }
  /** The lease lapsed, or the agent no longer has it: how it ended is not known. */
  | { readonly type: 'lease-lapsed' }
  /** The agent refused it for good. */
  | { readonly type: 'refused' };

export interface Transition {
  readonly state: ExecutionState;
  /** false: the event came too late or does not apply; the state is unchanged and the event becomes a note. */
  readonly applied: boolean;
}

const unchanged = (state: ExecutionState): Transition => ({ state, applied: false });
const to = (state: ExecutionState): Transition => ({ state, applied: true });

/** What `event` makes of an execution in `state`, given where its operation stands. Never leaves a terminal state. */
export function nextExecutionState(
  state: ExecutionState,
  operation: OperationState,
  event: ExecutionEvent,
): Transition {
  if (isTerminal(state)) return unchanged(state);
  switch (event.type) {
    case 'accepted':
      return state === 'queued' ? to('running') : unchanged(state);
    case 'cancel-asked':
      // What no agent has been given ends at once; what may be running must be seen to stop first.
      if (operation === 'pending') return to('aborted');
      return state === 'stopping' ? unchanged(state) : to('stopping');
    case 'finished':
      return to(event.outcome);
    case 'queue-deadline':
      return operation === 'pending' ? to('failed') : unchanged(state);
    case 'lease-lapsed':
      return operation === 'pending' ? unchanged(state) : to('lost');
    case 'refused':
      return state === 'stopping' ? to('aborted') : to('failed');
  }
}
