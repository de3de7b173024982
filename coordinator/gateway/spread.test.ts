import { expect, it } from 'vitest';
import { LONGEST_SPREAD_MS } from '../../protocol/wire.ts';
import { spreadMs } from './spread.ts';

it('lets a fleet do at once what a few do, and a hundred a second of what many do, up to the longest time', () => {
  expect([0, 1, 50, 2_000].map(spreadMs)).toEqual([0, 10, 500, 20_000]);
  expect(spreadMs(10_000)).toBe(LONGEST_SPREAD_MS);
});
