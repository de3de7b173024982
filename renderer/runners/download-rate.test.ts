import { expect, test } from 'vitest';
import { createRateMeter } from './download-rate.ts';

test('no speed is told before there is one', () => {
  const rate = createRateMeter();
  expect(rate(0, 0, 1000)).toEqual({ bytesPerSecond: null, secondsLeft: null });
  expect(rate(399, 100, 1000)).toEqual({ bytesPerSecond: null, secondsLeft: null });
});

test('a steady download tells its speed and the seconds that are left', () => {
  const rate = createRateMeter();
  rate(0, 0, 10_000);
  expect(rate(1000, 2000, 10_000)).toEqual({ bytesPerSecond: 2000, secondsLeft: 4 });
});

test('only the last four seconds count', () => {
  const rate = createRateMeter();
  rate(0, 0, 100_000);
  rate(10_000, 90_000, 100_000);
  expect(rate(11_000, 91_000, 100_000)).toEqual({ bytesPerSecond: 1000, secondsLeft: 9 });
});

test('a download that stands still, or of unknown length, has no rest', () => {
  const rate = createRateMeter();
  rate(0, 500, 1000);
  expect(rate(1000, 500, 1000)).toEqual({ bytesPerSecond: 0, secondsLeft: null });
  expect(rate(2000, 900, null).secondsLeft).toBeNull();
});
