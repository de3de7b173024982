import { appendFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../protocol/clock.ts';
import { decodeJournal, type JournalRecord } from '../../protocol/journal.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { Spool, type SpoolOptions, type WrittenBatch } from './spool.ts';

const quiet = (segmentBytes?: number, onWritten: (batch: WrittenBatch) => void = () => undefined): SpoolOptions => ({
  clock: systemClock(),
  onWritten,
  onTrouble: (code) => {
    throw new Error(code);
  },
  ...(segmentBytes === undefined ? {} : { segmentBytes }),
});

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
  let run = 0;
  await fc.assert(
    fc.asyncProperty(payloads, fc.nat(), fc.integer({ min: 1, max: 5000 }), async (texts, start, most) => {
      const own = join(folder, String(run++));
      await mkdir(own);
      const spool = Spool.create(own, quiet(4096));
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
  let run = 0;
  const damage = fc.record({
    lengths: fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 30 }),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    garbage: fc.uint8Array({ maxLength: 100 }),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ lengths, cut, garbage }) => {
      const own = join(folder, String(run++));
      await mkdir(own);
      const spool = Spool.create(own, quiet());
      for (const [index, length] of lengths.entries()) print(spool, Buffer.alloc(length, index));
      await spool.close();
      const path = join(own, 'journal-0000000000.log');
      const whole = await readFile(path);
      const at = Math.floor(cut * whole.length);
      await truncate(path, at);
      await appendFile(path, garbage);
      const expected = decodeJournal(whole.subarray(0, at)).records.length;

      const seen: number[] = [];
      const recovered = await Spool.recover(own, quiet(), ({ number }) => seen.push(number));
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
  const spool = Spool.create(folder, quiet());
  for (let i = 0; i < 100; i++) print(spool, Buffer.alloc(60_000, i));
  await spool.close();
  const recovered = await Spool.recover(folder, quiet());
  expect(recovered.next).toBe(100);
  const records = await readAll(recovered, 97, 64 << 10);
  expect(records.map(({ payload }) => payload[0])).toEqual([97, 98, 99]);
  await recovered.close();
});

test('segments that are acknowledged are deleted, and what follows can still be read', async () => {
  const folder = await temporaryFolder();
  const spool = Spool.create(folder, quiet(1000));
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
  await spool.close();
});

test('a gap between segments ends what is kept: nothing behind it can be sent', async () => {
  const folder = await temporaryFolder();
  const spool = Spool.create(folder, quiet(1000));
  for (let i = 0; i < 20; i++) {
    print(spool, Buffer.alloc(300, i));
    await spool.flushed();
  }
  await spool.close();
  const names = (await readdir(folder)).sort();
  await truncate(join(folder, names[1] ?? ''), 100);
  const recovered = await Spool.recover(folder, quiet(1000));
  expect(recovered.next).toBe(Number(/\d+/.exec(names[1] ?? '')?.[0]));
  expect((await readdir(folder)).length).toBe(2);
  await recovered.close();
});

test('starting again at a higher number leaves only what is appended from then on', async () => {
  const folder = await temporaryFolder();
  const spool = Spool.create(folder, quiet());
  print(spool, 'lost');
  await spool.restartAt(7);
  print(spool, 'new');
  await spool.flushed();
  expect(spool.first).toBe(7);
  const [record] = await readAll(spool, 7, 1000);
  expect(record?.number).toBe(7);
  await spool.close();
  const recovered = await Spool.recover(folder, quiet());
  expect([recovered.first, recovered.next]).toEqual([7, 8]);
  await recovered.close();
});

test('what each write put into the file is told in order, without gaps', async () => {
  const folder = await temporaryFolder();
  let next = 0;
  const spool = Spool.create(
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
  const own = join(folder, 'spool');
  const troubles: string[] = [];
  const options = { ...quiet(), onTrouble: (code: string) => void troubles.push(code) };
  // The folder is not there: every write fails, as on a full disk.
  const spool = Spool.create(own, options);
  print(spool, 'kept');
  await expect.poll(() => troubles.length).toBeGreaterThan(0);
  expect(spool.queuedBytes).toBeGreaterThan(0);
  await mkdir(own);
  await writeFile(join(own, 'unrelated'), '');
  await spool.flushed();
  expect(Buffer.from((await readAll(spool, 0, 1000))[0]?.payload ?? []).toString()).toBe('kept');
  await spool.close();
});
