import { randomUUID } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { appendFile, readdir, readFile, rename, rm, truncate } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../protocol/clock.ts';
import { decodeJournal, type JournalRecord } from '../../protocol/journal.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { type SharedFile, Spool, type SpoolOptions, type WrittenBatch } from './spool.ts';

const quiet = (segmentBytes?: number, onWritten: (batch: WrittenBatch) => void = () => undefined): SpoolOptions => ({
  clock: systemClock(),
  onWritten,
  onTrouble: (code) => {
    throw new Error(code);
  },
  ...(segmentBytes === undefined ? {} : { segmentBytes }),
});

const PLAN = '{"what":"stands before the journal"}\n';

/** A place in `folder`, with the file of an operation that holds nothing but its plan. */
function begin(folder: string, options: SpoolOptions) {
  const place = join(folder, randomUUID());
  const shared = { path: `${place}.operation`, planBytes: PLAN.length };
  const descriptor = openSync(shared.path, 'wx+');
  writeSync(descriptor, PLAN);
  return { place, shared, spool: Spool.create(place, shared, descriptor, options) };
}

/** What a start of the agent does. */
async function recover(
  { place, shared }: { place: string; shared: SharedFile },
  options: SpoolOptions,
  onRecord?: (record: JournalRecord) => void,
): Promise<Spool> {
  const firsts = (await segmentsOf(place)).map((name) => Number(name.split('.').at(-2)));
  const spool = await Spool.recover(place, shared, firsts, options, onRecord);
  expect((await readFile(shared.path)).subarray(0, PLAN.length).toString()).toBe(PLAN);
  return spool;
}

async function segmentsOf(place: string): Promise<string[]> {
  const names = await readdir(dirname(place));
  return names.filter((name) => name.startsWith(basename(place)) && name.endsWith('.log')).sort();
}

function print(spool: Spool, text: string | Uint8Array): void {
  spool.append({ kind: 'output', stream: 'stdout', step: 0, payload: Buffer.from(text) });
}

async function readAll(spool: Spool, from: number, most: number): Promise<readonly JournalRecord[]> {
  const records: JournalRecord[] = [];
  for (let next = from; ; ) {
    const found = await spool.read(next, Buffer.alloc(most + 24), 24);
    if (found === null) return records;
    const decoded = decodeJournal(found.bytes.subarray(24), next);
    if (decoded.fault !== null || decoded.nextNumber !== found.next)
      throw new Error(`Record ${next} was read wrongly.`);
    records.push(...decoded.records);
    next = found.next;
  }
}

test('what was appended is read back, from any record and in any piece', async () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 60 });
  const folder = await temporaryFolder();
  await fc.assert(
    fc.asyncProperty(payloads, fc.nat(), fc.integer({ min: 1, max: 5000 }), async (texts, start, most) => {
      const { spool } = begin(folder, quiet(4096));
      for (const text of texts) print(spool, text);
      await spool.flushed();
      const from = start % texts.length;
      const records = await readAll(spool, from, most);
      expect(records.map(({ payload }) => Buffer.from(payload).toString('hex'))).toEqual(
        texts.slice(from).map((text) => Buffer.from(text).toString('hex')),
      );
      await spool.remove();
    }),
    { numRuns: 40 },
  );
});

test('after a crash at any byte, the whole records before it are kept and numbering goes on', async () => {
  const folder = await temporaryFolder();
  const damage = fc.record({
    lengths: fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 30 }),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    garbage: fc.uint8Array({ maxLength: 100 }),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ lengths, cut, garbage }) => {
      const own = begin(folder, quiet());
      const { spool, shared } = own;
      for (const [index, length] of lengths.entries()) print(spool, Buffer.alloc(length, index));
      await spool.close();
      const whole = (await readFile(shared.path)).subarray(PLAN.length);
      const at = Math.floor(cut * whole.length);
      await truncate(shared.path, PLAN.length + at);
      await appendFile(shared.path, garbage);
      const expected = decodeJournal(whole.subarray(0, at)).records.length;

      const seen: number[] = [];
      const recovered = await recover(own, quiet(), ({ number }) => seen.push(number));
      expect(seen.length).toBeGreaterThanOrEqual(expected);
      expect(recovered.next).toBe(seen.length);
      print(recovered, 'after');
      await recovered.flushed();
      const records = await readAll(recovered, 0, 1000);
      expect(records.map(({ number }) => number)).toEqual([...records.keys()]);
      expect(Buffer.from(records.at(-1)?.payload ?? []).toString()).toBe('after');
      await recovered.remove();
    }),
    { numRuns: 40 },
  );
});

test('a long journal is recovered whole, piece by piece', async () => {
  const folder = await temporaryFolder();
  const own = begin(folder, quiet());
  const { spool } = own;
  for (let i = 0; i < 100; i++) print(spool, Buffer.alloc(60_000, i));
  await spool.close();
  expect(await segmentsOf(own.place)).toHaveLength(1);
  const recovered = await recover(own, quiet());
  expect(recovered.next).toBe(100);
  const records = await readAll(recovered, 97, 64 << 10);
  expect(records.map(({ payload }) => payload[0])).toEqual([97, 98, 99]);
  await recovered.close();
});

test('segments that are acknowledged are deleted, and what follows can still be read', async () => {
  const folder = await temporaryFolder();
  const own = begin(folder, quiet(1000));
  const { spool } = own;
  for (let i = 0; i < 40; i++) {
    print(spool, Buffer.alloc(300, i));
    await spool.flushed();
  }
  const before = (await readdir(folder)).length;
  await spool.acknowledged(20);
  expect((await readdir(folder)).length).toBeLessThan(before);
  expect(spool.first).toBeGreaterThan(10);
  expect(spool.first).toBeLessThanOrEqual(20);
  expect((await readAll(spool, 20, 1000)).map(({ number }) => number)).toEqual(
    Array.from({ length: 20 }, (_, i) => 20 + i),
  );
  expect(await spool.read(0, Buffer.alloc(1000), 0)).toBeNull();
  const { first } = spool;
  await spool.close();
  // The file with the plan stays, and with it records that are not needed: they are no reason to drop what follows.
  const recovered = await recover(own, quiet(1000));
  expect([recovered.first, recovered.next]).toEqual([first, 40]);
  expect((await readAll(recovered, 20, 1000)).map(({ number }) => number)).toEqual(
    Array.from({ length: 20 }, (_, i) => 20 + i),
  );
  await recovered.remove();
  expect(await readdir(folder)).toEqual([basename(own.shared.path)]);
});

test('a gap between segments ends what is kept: nothing behind it can be sent', async () => {
  const folder = await temporaryFolder();
  const own = begin(folder, quiet(1000));
  const { spool } = own;
  for (let i = 0; i < 20; i++) {
    print(spool, Buffer.alloc(300, i));
    await spool.flushed();
  }
  await spool.close();
  const [name = ''] = await segmentsOf(own.place);
  await truncate(join(folder, name), 100);
  const recovered = await recover(own, quiet(1000));
  expect(recovered.next).toBe(Number(name.split('.').at(-2)));
  expect(await segmentsOf(own.place)).toEqual([name]);
  await recovered.close();
});

test('starting again at a higher number leaves only what is appended from then on', async () => {
  const folder = await temporaryFolder();
  const own = begin(folder, quiet());
  const { spool } = own;
  print(spool, 'lost');
  await spool.restartAt(7);
  print(spool, 'new');
  await spool.flushed();
  expect(spool.first).toBe(7);
  const [record] = await readAll(spool, 7, 1000);
  expect(record?.number).toBe(7);
  await spool.close();
  const recovered = await recover(own, quiet());
  expect([recovered.first, recovered.next]).toEqual([7, 8]);
  await recovered.close();
});

test('what each write put into the file is told in order, without gaps', async () => {
  const folder = await temporaryFolder();
  let next = 0;
  const { spool } = begin(
    folder,
    quiet(undefined, (batch) => {
      expect(batch.first).toBe(next);
      expect(batch.records.length).toBe(batch.next - batch.first);
      next = batch.next;
    }),
  );
  for (let i = 0; i < 500; i++) print(spool, `line ${i}\n`);
  expect(spool.queuedBytes).toBeGreaterThan(0);
  await spool.flushed();
  expect([next, spool.queuedBytes]).toEqual([500, 0]);
  await spool.close();
});

test('a disk that takes nothing for a while loses nothing', async () => {
  const folder = await temporaryFolder();
  const troubles: string[] = [];
  const { spool, place } = begin(folder, { ...quiet(100), onTrouble: (code: string) => void troubles.push(code) });
  print(spool, Buffer.alloc(200));
  await spool.flushed();
  // The folder is not there: every write to a new file fails, as on a full disk.
  const away = `${folder}-away`;
  await rename(folder, away);
  print(spool, 'kept');
  await expect.poll(() => troubles.length).toBeGreaterThan(0);
  expect(spool.queuedBytes).toBeGreaterThan(0);
  await rename(away, folder);
  await spool.flushed();
  expect(await segmentsOf(place)).toHaveLength(1);
  expect(Buffer.from((await readAll(spool, 1, 1000))[0]?.payload ?? []).toString()).toBe('kept');
  await spool.close();
});

test('killed while it starts again at a higher number, nothing is taken for what it is not', async () => {
  const folder = await temporaryFolder();
  const own = begin(folder, quiet());
  print(own.spool, 'here');
  await own.spool.restartAt(7);
  await own.spool.close();
  // The new file is there and empty: what comes next gets a number that is free at the other end.
  const recovered = await recover(own, quiet());
  expect([recovered.first, recovered.next]).toEqual([7, 7]);
  await recovered.close();
  // Its name was lost with the power: the records from before are still there, and so it is known to have begun.
  for (const name of await segmentsOf(own.place)) await rm(join(folder, name));
  const older = await recover(own, quiet());
  expect([older.first, older.next]).toEqual([0, 1]);
  await older.close();
});
