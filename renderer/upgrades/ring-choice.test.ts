import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NewUpgradeSchema } from '../../protocol/api/upgrades.ts';
import { carefulRings, ringParts, ringSizes } from './ring-choice.ts';

test.each([
  [1, [1]],
  [2, [1, 1]],
  [3, [1, 1, 1]],
  [8, [1, 2, 5]],
  [40, [1, 10, 29]],
  [100, [1, 25, 74]],
  [1000, [10, 250, 740]],
])('careful with %i: one (or one percent) first, then a quarter, then the rest', (replicas, sizes) => {
  expect(ringSizes(carefulRings(replicas), replicas)).toEqual(sizes);
});

test('what careful makes is always what the API takes, and up to a hundred replicas begins with one', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20_000 }), (replicas) => {
      const rings = carefulRings(replicas);
      expect(NewUpgradeSchema.safeParse({ rings }).success).toBe(true);
      const sizes = ringSizes(rings, replicas) ?? [];
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(replicas);
      expect(sizes[0]).toBeLessThanOrEqual(Math.ceil(replicas / 100));
    }),
  );
});

test('own parts are sent as they were typed, and only parts that rise to 100 are previewed', () => {
  expect(ringParts('own', 9, ' 10, 50;100 %')).toEqual([10, 50, 100]);
  expect(ringSizes([10, 50, 100], 9)).toEqual([1, 4, 4]);
  for (const wrong of ['10, 50', '50, 10, 100', 'ten, 100', '', '0, 100', '10.5, 100']) {
    expect(ringSizes(ringParts('own', 9, wrong), 9), wrong).toBeNull();
    expect(NewUpgradeSchema.safeParse({ rings: ringParts('own', 9, wrong) }).success, wrong).toBe(false);
  }
});
