import { expect, test } from 'vitest';
import { shortDuration } from './short-duration.ts';

test.each([
  [-5, '0 ms'],
  [0, '0 ms'],
  [42.4, '42 ms'],
  [100, '0.1 s'],
  [9_940, '9.9 s'],
  [9_950, '10 s'],
  [59_600, '1 min'],
  [185_000, '3 min 5 s'],
  [7_440_000, '2 h 4 min'],
])('%d ms are %s', (ms, text) => {
  expect(shortDuration(ms)).toBe(text);
});
