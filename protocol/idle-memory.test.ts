import { expect, test } from 'vitest';
import { manualClock } from './clock.ts';
import { IdleMemory } from './idle-memory.ts';

test('memory is given back once after each time of work, when it has been quiet for ten seconds', () => {
  const clock = manualClock();
  let collected = 0;
  const memory = new IdleMemory(clock, () => {
    collected += 1;
  });
  memory.idle();
  clock.advance(9_000);
  memory.busy();
  clock.advance(60_000);
  expect(collected).toBe(0);
  memory.idle();
  clock.advance(10_000);
  memory.idle();
  clock.advance(60_000);
  expect(collected).toBe(1);
  memory.busy();
  memory.idle();
  clock.advance(10_000);
  expect(collected).toBe(2);
});
