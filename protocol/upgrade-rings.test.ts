import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ringsOf } from './upgrade-rings.ts';

test('each replica is in one ring, rings follow each other, none is empty', () => {
  expect(ringsOf(10, [10, 50, 100])).toEqual([0, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
  expect(ringsOf(1, [10, 50, 100])).toEqual([0]);
  expect(ringsOf(2, [10, 50, 100])).toEqual([0, 1]);
  expect(ringsOf(0, [100])).toEqual([]);
  const parts = fc
    .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 9 })
    .map((some) => [...some.sort((a, b) => a - b), 100]);
  fc.assert(
    fc.property(fc.nat(300), parts, (count, rings) => {
      const found = ringsOf(count, rings);
      expect(found).toHaveLength(count);
      for (const [at, ring] of found.entries()) {
        const before = found[at - 1] ?? 0;
        expect([before, before + 1]).toContain(ring);
      }
      expect(found[0] ?? 0).toBe(0);
    }),
  );
});
