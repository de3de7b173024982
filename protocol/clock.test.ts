import fc from 'fast-check';
import { expect, test } from 'vitest';
import { manualClock, systemClock } from './clock.ts';

test('timers fire in order of their due time, and only when time has moved that far', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1000), { maxLength: 20 }),
      fc.array(fc.nat(200), { maxLength: 20 }),
      (delays, moves) => {
        const clock = manualClock(0);
        const fired: number[] = [];
        for (const delay of delays) clock.after(delay, () => fired.push(delay));
        let now = 0;
        for (const move of moves) {
          clock.advance(move);
          now += move;
          expect(fired).toEqual(delays.filter((delay) => delay <= now).toSorted((a, b) => a - b));
        }
      },
    ),
  );
});

test('a periodic timer fires each period until it is cancelled, also from its own callback', () => {
  const clock = manualClock();
  let beats = 0;
  const timer = clock.every(5_000, () => {
    beats += 1;
    if (beats === 3) timer.cancel();
  });
  clock.advance(60_000);
  expect(beats).toBe(3);
});

test('a corrected clock moves the wall and no timer', () => {
  const clock = manualClock(0);
  let fired = false;
  clock.after(1000, () => {
    fired = true;
  });
  clock.jump(-86_400_000);
  expect([clock.now(), clock.monotonic(), fired]).toEqual([-86_400_000, 0, false]);
});

test('the system clock fires, and not what was cancelled', async () => {
  const clock = systemClock();
  const fired: string[] = [];
  const cancelled = clock.after(1, () => fired.push('cancelled'));
  cancelled.cancel();
  await new Promise<void>((resolve) => {
    clock.after(1, () => fired.push('first'));
    clock.after(5, resolve);
  });
  expect(fired).toEqual(['first']);
});
