import { expect, onTestFinished, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { AcceptedStore } from './accepted-store.ts';

/** A plan that holds nothing: what is in it is the reader's matter. */
const PLAN = { payload: '{}', signature: '', acceptedAt: 0, order: 0, maximum: 1, atOnce: true };

test('a plan waits for the disk in the event loop only while the disk is quick, and if nothing else goes on', async () => {
  let takesMs = 0;
  const clock = manualClock();
  const passing = {
    ...clock,
    monotonic: () => {
      clock.advance(takesMs);
      return clock.monotonic();
    },
  };
  const store = new AcceptedStore(await temporaryFolder(), passing);
  onTestFinished(() => store.close());
  /** Whether the plan was durable before the event loop turned. */
  const accept = async (alone: boolean) => {
    const { slot, descriptor, durable } = store.write(PLAN, alone);
    let settled = false;
    void durable.finally(() => {
      settled = true;
    });
    for (let i = 0; i < 50; i++) await Promise.resolve();
    const inPlace = settled;
    await durable;
    await store.free(slot, descriptor);
    return inPlace;
  };

  expect(await accept(true)).toBe(false); // A new file: its name has to be durable as well.
  expect(await accept(true)).toBe(true);
  expect(await accept(false)).toBe(false);
  takesMs = 40;
  expect(await accept(true)).toBe(true); // It became slow just now; nobody could know.
  expect(await accept(true)).toBe(false);
  takesMs = 1;
  expect(await accept(true)).toBe(false);
  expect(await accept(true)).toBe(true);
});
