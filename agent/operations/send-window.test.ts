import fc from 'fast-check';
import { expect, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { SendWindow } from './send-window.ts';

test('a fast link soon lets megabytes be on their way', () => {
  const clock = manualClock();
  const window = new SendWindow(clock);
  let next = 0;
  for (let round = 0; round < 10; round++) {
    while (window.isOpen) window.sent('a', ++next, 16 << 10);
    clock.advance(5);
    window.acknowledged('a', next);
  }
  expect(window.limit).toBe(8 << 20);
});

test('a fast link on which every byte takes long is used as well', () => {
  const clock = manualClock();
  const window = new SendWindow(clock);
  let next = 0;
  for (let round = 0; round < 10; round++) {
    while (window.isOpen) window.sent('a', ++next, 16 << 10);
    clock.advance(700);
    window.acknowledged('a', next);
  }
  expect(window.limit).toBe(8 << 20);
});

test('on a link of 64 kbit/s no more than a few seconds wait in line, and nothing stops', () => {
  const clock = manualClock();
  const window = new SendWindow(clock);
  const line: { next: number; arrives: number }[] = [];
  let free = 0;
  let next = 0;
  let longest = 0;
  for (let ms = 0; ms < 300_000; ms += 100) {
    clock.advance(100);
    const now = clock.monotonic();
    while (line[0] !== undefined && line[0].arrives <= now) window.acknowledged('a', line.shift()?.next ?? 0);
    while (window.isOpen) {
      window.sent('a', ++next, 16 << 10);
      free = Math.max(free, now) + (16 << 10) / 8;
      line.push({ next, arrives: free + 300 });
      longest = Math.max(longest, free - now);
    }
  }
  expect(longest).toBeLessThan(9_000);
  // Of the 8 bytes per millisecond that the link takes, most are used.
  expect((next * (16 << 10)) / 300_000).toBeGreaterThan(6);
});

test('whatever is sent, acknowledged and forgotten, the books balance', () => {
  const step = fc.record({
    what: fc.constantFrom('send', 'acknowledge', 'forget', 'wait'),
    key: fc.constantFrom('a', 'b'),
    amount: fc.integer({ min: 1, max: 300_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const clock = manualClock();
      const window = new SendWindow(clock);
      const next = { a: 0, b: 0 };
      for (const { what, key, amount } of steps) {
        const name = key === 'a' ? 'a' : 'b';
        if (what === 'send') window.sent(name, ++next[name], amount);
        else if (what === 'acknowledge') window.acknowledged(name, amount % (next[name] + 1));
        else if (what === 'forget') window.forget(name);
        else clock.advance(amount % 5_000);
      }
      for (const name of ['a', 'b'] as const) window.acknowledged(name, next[name]);
      return window.isOpen && window.limit >= 16 << 10 && window.limit <= 8 << 20;
    }),
  );
});
