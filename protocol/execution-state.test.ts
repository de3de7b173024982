import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ExecutionEvent,
  type ExecutionState,
  isTerminal,
  nextExecutionState,
  type OperationState,
  TERMINAL_STATES,
} from './execution-state.ts';

const states: ExecutionState[] = ['scheduled', 'queued', 'running', 'stopping', ...TERMINAL_STATES];
const operations: OperationState[] = ['pending', 'offered', 'accepted', 'ended'];
const anyEvent: fc.Arbitrary<ExecutionEvent> = fc.oneof(
  fc.constantFrom<ExecutionEvent>(
    { type: 'accepted' },
    { type: 'cancel-asked' },
    { type: 'queue-deadline' },
    { type: 'lease-lapsed' },
    { type: 'refused' },
  ),
  fc
    .constantFrom('succeeded', 'failed', 'aborted', 'timedout')
    .map((outcome): ExecutionEvent => ({ type: 'finished', outcome }) as ExecutionEvent),
);

describe('state of an execution', () => {
  test('a terminal state is final, whatever comes later', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TERMINAL_STATES),
        fc.constantFrom(...operations),
        fc.array(anyEvent),
        (start, operation, events) => {
          for (const event of events)
            expect(nextExecutionState(start, operation, event)).toEqual({ state: start, applied: false });
        },
      ),
    );
  });

  test('what is not applied changes nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...states), fc.constantFrom(...operations), anyEvent, (state, operation, event) => {
        const next = nextExecutionState(state, operation, event);
        if (!next.applied) expect(next.state).toBe(state);
      }),
    );
  });

  test('whatever happens first, a result or a lapsed lease ends it', () => {
    fc.assert(
      fc.property(fc.array(anyEvent), (events) => {
        let state: ExecutionState = 'queued';
        for (const event of events) state = nextExecutionState(state, 'accepted', event).state;
        expect(isTerminal(nextExecutionState(state, 'accepted', { type: 'lease-lapsed' }).state)).toBe(true);
        expect(isTerminal(nextExecutionState(state, 'accepted', { type: 'finished', outcome: 'failed' }).state)).toBe(
          true,
        );
      }),
    );
  });

  test.each<[ExecutionState, OperationState, ExecutionEvent, ExecutionState]>([
    ['queued', 'pending', { type: 'cancel-asked' }, 'aborted'],
    ['queued', 'offered', { type: 'cancel-asked' }, 'stopping'],
    ['running', 'accepted', { type: 'cancel-asked' }, 'stopping'],
    ['stopping', 'accepted', { type: 'accepted' }, 'stopping'],
    ['stopping', 'accepted', { type: 'finished', outcome: 'succeeded' }, 'succeeded'],
    ['stopping', 'offered', { type: 'refused' }, 'aborted'],
    ['queued', 'offered', { type: 'queue-deadline' }, 'queued'],
    ['queued', 'pending', { type: 'queue-deadline' }, 'failed'],
    ['queued', 'pending', { type: 'lease-lapsed' }, 'queued'],
    ['running', 'accepted', { type: 'lease-lapsed' }, 'lost'],
  ])('%s (%s) on %o: %s', (state, operation, event, expected) => {
    expect(nextExecutionState(state, operation, event).state).toBe(expected);
  });
});
