import { expect, test } from 'vitest';
import { garbageCollector } from './garbage-collector.ts';
import { passingMemory } from './passing-memory.ts';

test('buffers that pass through do not pile up', () => {
  const passed = passingMemory(garbageCollector().recent);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let i = 0; i < 400; i++) {
    passed(Buffer.alloc(256 << 10, 1).length);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  expect(most).toBeLessThan(24 << 20);
});
