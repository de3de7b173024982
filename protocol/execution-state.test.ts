import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isTerminal,
  nextWorkState,
  OUTCOMES,
  TERMINAL_STATES,
  type WorkEvent,
  type WorkState,
} from './execution-state.ts';

const FRESH: WorkState = { execution: 'queued', operation: 'pending', attempt: 1 };

/** Attempts that a model looks at; the rules know no number of them. */
const ATTEMPTS = [1, 2, 3];

const ALL_EVENTS: readonly WorkEvent[] = [
  { type: 'offered' },
  { type: 'cancel-asked' },
  { type: 'queue-deadline' },
  ...ATTEMPTS.flatMap((attempt): WorkEvent[] => [
    { type: 'accepted', attempt },
    { type: 'started', attempt },
    { type: 'taken-back', attempt },
    { type: 'refused', attempt },
    { type: 'lease-lapsed', attempt },
    ...OUTCOMES.map((outcome): WorkEvent => ({ type: 'finished', attempt, outcome })),
  ]),
];
const anyEvent = fc.constantFrom(...ALL_EVENTS);

/** Every state that some order of events leads to, with each step that was taken from it. */
function reachable(): { from: WorkState; event: WorkEvent; to: WorkState; applied: boolean }[] {
  const seen = new Map([[JSON.stringify(FRESH), FRESH]]);
  const steps: ReturnType<typeof reachable> = [];
  for (const from of seen.values()) {
    for (const event of ALL_EVENTS) {
      const { next: to, applied } = nextWorkState(from, event);
      steps.push({ from, event, to, applied });
      if (to.attempt <= Math.max(...ATTEMPTS)) seen.set(JSON.stringify(to), to);
    }
  }
  return steps;
}

const STEPS = reachable();

function replay(events: readonly WorkEvent[]): WorkState {
  return events.reduce((work, event) => nextWorkState(work, event).next, FRESH);
}

describe('every order of events', () => {
  test('leads through states that the model has seen, hundreds of steps', () => {
    expect(STEPS.length).toBeGreaterThan(300);
    expect(new Set(STEPS.map(({ from }) => from.execution))).toEqual(
      new Set(['queued', 'running', 'stopping', ...TERMINAL_STATES]),
    );
  });

  test('never leaves a terminal state, and a terminal execution has no operation that is under way', () => {
    for (const { from, to, applied } of STEPS) {
      if (isTerminal(from.execution)) expect({ to, applied }).toEqual({ to: from, applied: false });
      expect(to.operation === 'ended').toBe(isTerminal(to.execution));
    }
  });

  test('changes nothing when it does not apply, and something when it does', () => {
    for (const { from, to, applied } of STEPS) expect(JSON.stringify(to) !== JSON.stringify(from)).toBe(applied);
  });

  test('never offers again what has started', () => {
    for (const { from, to } of STEPS) {
      if (from.operation !== 'started') continue;
      expect(['started', 'ended']).toContain(to.operation);
      expect(to.attempt).toBe(from.attempt);
    }
  });

  test('makes a new attempt only of what was given and never started, and never goes back to an older one', () => {
    for (const { from, event, to } of STEPS) {
      if (to.attempt === from.attempt) continue;
      expect(to.attempt).toBe(from.attempt + 1);
      expect(event.type).toBe('taken-back');
      expect(['offered', 'accepted']).toContain(from.operation);
    }
  });

  test('heeds nothing that another attempt says', () => {
    for (const { from, event, applied } of STEPS) {
      if ('attempt' in event && event.attempt !== from.attempt) expect(applied).toBe(false);
    }
  });

  test('runs only what an agent said that it started', () => {
    for (const { to } of STEPS) if (to.execution === 'running') expect(to.operation).toBe('started');
  });

  test('once a stop is asked for, nothing runs or is offered anew', () => {
    for (const { from, to } of STEPS) {
      if (from.execution !== 'stopping') continue;
      expect(to.execution === 'stopping' || isTerminal(to.execution)).toBe(true);
      expect(to.operation).not.toBe('pending');
    }
  });

  test('can end: what waits by its deadline, what was given by its result or its lease', () => {
    for (const { from } of STEPS) {
      const { attempt, operation } = from;
      const ends: WorkEvent[] =
        operation === 'pending'
          ? [{ type: 'queue-deadline' }, { type: 'cancel-asked' }]
          : [
              { type: 'lease-lapsed', attempt },
              { type: 'finished', attempt, outcome: 'failed' },
            ];
      for (const event of ends) expect(isTerminal(nextWorkState(from, event).next.execution)).toBe(true);
    }
  });
});

describe('messages that come late, twice or not at all', () => {
  test('the same event again changes nothing more', () => {
    fc.assert(
      fc.property(fc.array(anyEvent), anyEvent, (before, event) => {
        const once = nextWorkState(replay(before), event);
        const twice = nextWorkState(once.next, event);
        // An offer is the coordinator's own act; everything else may reach it any number of times.
        if (event.type !== 'offered') expect(twice.next).toEqual(once.next);
      }),
    );
  });

  test('the first end counts, whatever follows', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        const first = events.findIndex((_, index) => isTerminal(replay(events.slice(0, index + 1)).execution));
        if (first >= 0) expect(replay(events)).toEqual(replay(events.slice(0, first + 1)));
      }),
    );
  });

  test('a start that is heard of before the acceptance counts as both', () => {
    const offered = replay([{ type: 'offered' }]);
    const started = nextWorkState(offered, { type: 'started', attempt: 1 });
    expect(started.next).toEqual({ execution: 'running', operation: 'started', attempt: 1 });
    expect(nextWorkState(started.next, { type: 'accepted', attempt: 1 }).applied).toBe(false);
  });
});

test.each<[WorkState['execution'], WorkState['operation'], WorkEvent, WorkState]>([
  ['queued', 'pending', { type: 'cancel-asked' }, { execution: 'aborted', operation: 'ended', attempt: 1 }],
  ['queued', 'pending', { type: 'queue-deadline' }, { execution: 'failed', operation: 'ended', attempt: 1 }],
  ['queued', 'offered', { type: 'queue-deadline' }, { execution: 'queued', operation: 'offered', attempt: 1 }],
  ['queued', 'offered', { type: 'cancel-asked' }, { execution: 'stopping', operation: 'offered', attempt: 1 }],
  ['queued', 'offered', { type: 'accepted', attempt: 1 }, { execution: 'queued', operation: 'accepted', attempt: 1 }],
  ['queued', 'accepted', { type: 'taken-back', attempt: 1 }, { execution: 'queued', operation: 'pending', attempt: 2 }],
  [
    'stopping',
    'accepted',
    { type: 'taken-back', attempt: 1 },
    { execution: 'aborted', operation: 'ended', attempt: 2 },
  ],
  ['stopping', 'offered', { type: 'refused', attempt: 1 }, { execution: 'aborted', operation: 'ended', attempt: 1 }],
  [
    'stopping',
    'accepted',
    { type: 'started', attempt: 1 },
    { execution: 'stopping', operation: 'started', attempt: 1 },
  ],
  ['running', 'started', { type: 'lease-lapsed', attempt: 1 }, { execution: 'lost', operation: 'ended', attempt: 1 }],
])('%s, %s, on %o', (execution, operation, event, expected) => {
  expect(nextWorkState({ execution, operation, attempt: 1 }, event).next).toEqual(expected);
});

test('what ends well before the stop arrives has succeeded', () => {
  const stopping: WorkState = { execution: 'stopping', operation: 'started', attempt: 1 };
  const { next } = nextWorkState(stopping, { type: 'finished', attempt: 1, outcome: 'succeeded' });
  expect(next.execution).toBe('succeeded');
});
