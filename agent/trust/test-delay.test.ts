import fc from 'fast-check';
import { expect, test } from 'vitest';
import { testDelayMs } from './test-delay.ts';

test('no agent waits as long as the fleet may take, and one whose fleet is itself does not wait', () => {
  const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
  fc.assert(
    fc.property(random, fc.integer({ min: 1, max: 20_000 }), (drawn, spreadMs) => {
      const delay = testDelayMs(() => drawn, spreadMs);
      return Number.isInteger(delay) && delay >= 0 && delay < spreadMs;
    }),
  );
  expect(testDelayMs(() => 0.999, 0)).toBe(0);
});
