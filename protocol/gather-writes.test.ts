import { expect, test } from 'vitest';
import { gatherWrites } from './gather-writes.ts';

/** A stream that notes what it was told, and turns that end when the test says so. */
function recorded() {
  const calls: string[] = [];
  const ends: (() => void)[] = [];
  const stream = { cork: () => calls.push('cork'), uncork: () => calls.push('uncork') };
  const gather = gatherWrites(stream, (act) => void ends.push(act));
  const endTurn = () => {
    for (const act of ends.splice(0)) act();
  };
  return { calls, gather, endTurn };
}

test('the first message of a turn leaves at once, the others are held back together and let go once', () => {
  const { calls, gather, endTurn } = recorded();
  gather();
  expect(calls).toEqual([]);
  gather();
  gather();
  expect(calls).toEqual(['cork']);
  endTurn();
  expect(calls).toEqual(['cork', 'uncork']);
  gather();
  endTurn();
  expect(calls).toEqual(['cork', 'uncork']);
});

test('by itself a turn ends with the microtasks', async () => {
  const calls: string[] = [];
  const gather = gatherWrites({ cork: () => calls.push('cork'), uncork: () => calls.push('uncork') });
  gather();
  gather();
  expect(calls).toEqual(['cork']);
  await Promise.resolve();
  expect(calls).toEqual(['cork', 'uncork']);
});
