import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOf, sizeOf } from './size-unit.ts';

test('a number of bytes is given back exactly, in the unit that reads best', () => {
  expect(sizeOf(10_000_000)).toEqual({ amount: 10, unit: 'MB' });
  expect(sizeOf(1_500_000_000)).toEqual({ amount: 1.5, unit: 'GB' });
  expect(sizeOf(512)).toEqual({ amount: 0.512, unit: 'kB' });
  expect(sizeOf(0)).toEqual({ amount: 0, unit: 'MB' });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1_000_000_000_000 }), (bytes) => {
      expect(bytesOf(sizeOf(bytes))).toBe(bytes);
    }),
  );
});
