import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testDelayMs } from './test-delay.ts';

test('no agent waits 20 s or longer before it tries whether its authorities are enough', () => {
  const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  fc.assert(
    fc.property(random, (drawn) => {
      const delay = testDelayMs(() => drawn);
      return Number.isInteger(delay) && delay >= 0 && delay < 20_000;
    }),
  );
});

test('2,000 agents that hear of an authority at once try it over all of 20 s, about a hundred in each second', () => {
  const perSecond = new Map<number, number>();
  // Draws that are even: what is left is how they are spread.
  for (let agent = 0; agent < 2_000; agent++) {
    const second = Math.floor(testDelayMs(() => agent / 2_000) / 1_000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  }
  expect([...perSecond]).toEqual(Array.from({ length: 20 }, (_, second) => [second, 100]));
});
