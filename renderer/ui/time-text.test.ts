import { expect, test } from 'vitest';
import { durationText, relativeText } from './time-text.ts';

test.each([
  [0, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [200_000, '3 min 20 s'],
  [3_600_000 * 2 + 300_000, '2 h 5 min'],
  [86_400_000 * 4, '4 d'],
  [86_400_000 * 3 + 3_600_000 * 5, '3 d 5 h'],
  [86_400_000 * 30 + 3_600_000 * 5, '30 d'],
])('a length of %i ms reads “%s”', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each([
  [0, 'just now'],
  [-999, 'just now'],
  [-1000, '1 s ago'],
  [-59_000, '59 s ago'],
  [-3_599_000, '59 min ago'],
  [-7_200_000, '2 h ago'],
  [86_400_000, 'in 1 d'],
  [82_800_000, 'in 23 h'],
])('a time %i ms from now reads “%s”', (distance, text) => {
  const now = Date.UTC(2026, 10, 23);
  expect(relativeText(now + distance, now)).toBe(text);
});
