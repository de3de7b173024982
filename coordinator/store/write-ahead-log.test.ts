import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

/** Whether it settles before the event loop turns. */
async function settlesInPlace(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => {
    settled = true;
  });
  for (let i = 0; i < 50; i++) await Promise.resolve();
  const inPlace = settled;
  await promise;
  return inPlace;
}

test('the event loop waits for the disk only while it is quick, and for a commit that is alone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'outrunner-log-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const database = join(folder, 'db');
  await writeFile(`${database}-wal`, 'records');
  // Time passes while the disk works: between the two looks at the clock.
  let takesMs = 0;
  const clock = manualClock();
  const monotonic = () => {
    clock.advance(takesMs);
    return clock.monotonic();
  };
  const log = new WriteAheadLog(database, { monotonic });
  onTestFinished(() => log.close());
  const commit = (alone: boolean) => settlesInPlace(log.sync(alone));

  expect(await commit(true)).toBe(false); // Nothing is known of the disk yet.
  expect(await commit(true)).toBe(true);
  expect(await commit(false)).toBe(false);
  takesMs = 40;
  expect(await commit(true)).toBe(true); // It became slow just now; nobody could know.
  expect(await commit(true)).toBe(false);
  takesMs = 1;
  expect(await commit(true)).toBe(false);
  expect(await commit(true)).toBe(true);
});
