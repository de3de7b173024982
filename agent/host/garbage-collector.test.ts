import { expect, test } from 'vitest';
import { garbageCollector } from './garbage-collector.ts';

test('what nobody needs any more is given back', () => {
  const collect = garbageCollector();
  let garbage: number[][] | null = Array.from({ length: 200 }, () => new Array<number>(10_000).fill(0.5));
  const before = process.memoryUsage().heapUsed;
  expect(garbage.length).toBe(200);
  garbage = null;
  collect();
  expect(process.memoryUsage().heapUsed).toBeLessThan(before - 10_000_000);
});
