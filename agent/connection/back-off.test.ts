import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backOffMs, strangerBackOffMs, supersededBackOffMs } from './back-off.ts';

const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

test('a wait is never longer than 30 s, and the first at most 250 ms', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), random, (failures, drawn) => {
      const wait = backOffMs(failures, () => drawn);
      return wait >= 0 && wait <= Math.min(30_000, 250 * 2 ** (failures - 1));
    }),
  );
});

test('the wait is drawn from the whole span, so that a fleet does not come back as one wave', () => {
  expect([backOffMs(20, () => 0), backOffMs(20, () => 0.5), backOffMs(20, () => 0.999)]).toEqual([0, 15_000, 29_970]);
});

test('a process that was superseded waits at least 30 s', () => {
  fc.assert(fc.property(random, (drawn) => supersededBackOffMs(() => drawn) >= 30_000));
});

test('who does not prove to be the coordinator is asked again at once, and then ever less often, every 5 min at least', () => {
  expect(strangerBackOffMs(1, () => 0.999)).toBeLessThan(250);
  expect(strangerBackOffMs(20, () => 0.999)).toBe(299_700);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), random, (failures, drawn) => {
      const wait = strangerBackOffMs(failures, () => drawn);
      return wait >= backOffMs(failures, () => drawn) && wait <= 300_000;
    }),
  );
});
