import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  decodeJournal,
  encodeRecord,
  HEADER_BYTES,
  JournalReader,
  type JournalRecord,
} from '../../protocol/journal.ts';
import { garbageCollector } from '../process/garbage-collector.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { JournalWriter } from '../testing/journal-records.ts';
import { journalPath, storedJournal } from '../testing/stored-journal.ts';
import { eventually } from '../testing/test-coordinator.ts';
import type { ShortJournal } from './journal.ts';
import type { Journals } from './journals.ts';
import { storedJournals } from './stored-journals.ts';

const ID = 'ab000000-0000-4000-8000-000000000001';
let folder: string;
let database: string;
let store: Store;
let journals: Journals;
async function makeJournals(short?: ShortJournal): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-journals-'));
  database = join(folder, 'outrunner.db');
  store = await openSqliteStore(database);
  journals = storedJournals({ store, folder, ...(short === undefined ? {} : { short }) });
}
afterEach(async () => {
  await journals.stop();
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

/** All that a journal promises, it promises as rows, as a file, and while it moves from the one to the other. */
const FORMS: readonly { readonly form: string; readonly short: ShortJournal }[] = [
  { form: 'in the database', short: { bytes: 1 << 30, pieces: 1 << 20 } },
  { form: 'in files', short: { bytes: 0, pieces: 0 } },
  { form: 'that move at their third piece', short: { bytes: 1 << 30, pieces: 2 } },
  { form: 'as they are kept', short: { bytes: 16 << 10, pieces: 64 } },
];

const path = (operation = ID) => journalPath(folder, operation);
const stored = (operation = ID) => storedJournal({ database, folder }, operation);
const bytesOf = (records: readonly JournalRecord[]) => Buffer.concat(records.map(encodeRecord));
const writer = () => new JournalWriter({ operation: ID, attempt: 1 }, () => 1_800_000_000_000);

function outputs(sizes: readonly number[]): JournalRecord[] {
  const journal = writer();
  return sizes.map((size, index) => journal.output(0, new Uint8Array(size).fill(65 + (index % 26))));
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function keep(records: readonly JournalRecord[]): Promise<void> {
  const append = journals.append(ID, 1, bytesOf(records));
  if (append.kind !== 'taken') throw new Error(`not taken: ${append.kind}`);
  await append.stored;
}

describe.each(FORMS)('appending to journals $form', ({ short }) => {
  beforeEach(() => makeJournals(short));

  it('stores whole records in order and says what they tell, output left out', async () => {
    journals.begin(ID, 1);
    const records = writer().whole();
    const append = journals.append(ID, 1, bytesOf(records));
    expect(append).toMatchObject({ kind: 'taken', position: { next: 5 } });
    if (append.kind !== 'taken') return;
    expect(append.events.map((event) => event.kind)).toEqual(['started', 'step-started', 'step-finished', 'finished']);
    expect(await append.stored).toEqual({ next: 5, bytes: bytesOf(records).length });
    expect(await stored()).toEqual(bytesOf(records));
  });

  it('drops what it has, and takes the rest of a frame that overlaps', async () => {
    journals.begin(ID, 1);
    const records = outputs([3, 4, 5, 6]);
    await keep(records.slice(0, 2));
    expect(journals.append(ID, 1, bytesOf(records.slice(0, 2)))).toEqual({ kind: 'duplicate', next: 2 });
    await keep(records.slice(1));
    expect(await stored()).toEqual(bytesOf(records));
  });

  it('refuses a gap, saying what comes next', async () => {
    journals.begin(ID, 1);
    const records = outputs([3, 4, 5]);
    await keep(records.slice(0, 1));
    expect(journals.append(ID, 1, bytesOf(records.slice(2)))).toEqual({ kind: 'gap', next: 1 });
    await keep(records.slice(1));
  });

  it('refuses bytes that are not whole, sound, consecutive records, and changes nothing', async () => {
    journals.begin(ID, 1);
    const records = outputs([30, 40, 50]);
    const whole = bytesOf(records);
    const flipped = Buffer.from(whole);
    flipped[HEADER_BYTES + 3] = (flipped[HEADER_BYTES + 3] as number) ^ 1;
    const skipping = bytesOf([records[0], records[2]] as JournalRecord[]);
    for (const bad of [
      whole.subarray(0, whole.length - 1),
      flipped,
      skipping,
      Buffer.alloc(0),
      Buffer.from('nonsense'),
    ]) {
      expect(journals.append(ID, 1, bad)).toEqual({ kind: 'corrupt', next: 0 });
    }
    expect(journals.stored(ID)).toEqual({ next: 0, bytes: 0 });
  });

  it('takes nothing of another attempt, nor of a journal that nobody opened', async () => {
    const records = bytesOf(outputs([3]));
    expect(journals.append(ID, 1, records)).toEqual({ kind: 'fenced' });
    journals.begin(ID, 1);
    journals.begin(ID, 2);
    expect(journals.append(ID, 1, records)).toEqual({ kind: 'fenced' });
    expect(journals.append(ID, 2, records).kind).toBe('taken');
  });

  it('ends with the same bytes however frames are cut, repeated and reordered, as long as gaps are sent again', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3000), { minLength: 1, maxLength: 30 }),
        fc.array(fc.tuple(fc.nat(40), fc.nat(8)), { maxLength: 25 }),
        async (sizes, frames) => {
          const operation = crypto.randomUUID();
          const records = outputs(sizes);
          journals.begin(operation, 1);
          const flushed: Promise<unknown>[] = [];
          let next = 0;
          for (const [from, count] of frames) {
            const sent = records.slice(from, from + count + 1);
            if (sent.length === 0) continue;
            const append = journals.append(operation, 1, bytesOf(sent));
            if (from > next) expect(append).toEqual({ kind: 'gap', next });
            if (append.kind !== 'taken') continue;
            next = append.position.next;
            flushed.push(append.stored);
          }
          const rest = records.slice(next);
          if (rest.length > 0) {
            const append = journals.append(operation, 1, bytesOf(rest));
            if (append.kind === 'taken') flushed.push(append.stored);
          }
          await Promise.all(flushed);
          expect((await stored(operation)).equals(bytesOf(records))).toBe(true);
          await journals.release(operation);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('a file after a crash', () => {
  beforeEach(() => makeJournals({ bytes: 0, pieces: 0 }));

  it('finds, for every place where the file may be cut, exactly the whole records, and goes on from there', async () => {
    const records = writer().whole('some text');
    const whole = bytesOf(records);
    await mkdir(join(folder, 'ab'), { recursive: true });
    for (let cut = 0; cut <= whole.length; cut += 3) {
      await writeFile(path(), whole);
      await truncate(path(), cut);
      const expected = decodeJournal(whole.subarray(0, cut));
      const { position, events } = await journals.open(ID, 1);
      expect(position).toEqual({ next: expected.nextNumber, bytes: expected.soundBytes });
      expect(events?.length).toBe(expected.records.filter((record) => record.kind !== 'output').length);
      expect((await stored()).length).toBe(expected.soundBytes);
      if (position.next < records.length) await keep(records.slice(position.next));
      expect((await stored()).equals(whole)).toBe(true);
      await journals.release(ID);
    }
  });

  it('cuts off a damaged tail, also in a file that is longer than what is read at once', async () => {
    const records = outputs(Array.from({ length: 9 }, () => 900_000));
    const whole = bytesOf(records);
    const one = bytesOf(records.slice(0, 1)).length;
    whole[7 * one + 5000] = (whole[7 * one + 5000] as number) ^ 0xff;
    await mkdir(join(folder, 'ab'), { recursive: true });
    await writeFile(path(), whole);
    const { position } = await journals.open(ID, 1);
    expect(position).toEqual({ next: 7, bytes: 7 * one });
    expect((await stored()).length).toBe(7 * one);
  });
});

describe.each(FORMS)('reading journals $form', ({ short }) => {
  beforeEach(() => makeJournals(short));

  it('gives whole records from any record on, and refuses offsets that are none, naming the field', async () => {
    journals.begin(ID, 1);
    const records = outputs([10, 300_000, 20, 1_000_000, 5]);
    await keep(records);
    const whole = bytesOf(records);
    let at = 0;
    for (const record of records) {
      expect((await collect(await journals.read(ID, { from: at }))).equals(whole.subarray(at))).toBe(true);
      const wrong = journals.read(ID, { from: at + 7 });
      await expect(wrong).rejects.toMatchObject({ code: 'invalid-input', fields: [{ path: 'query.from' }] });
      at += encodeRecord(record).length;
    }
    expect(await collect(await journals.read(ID, { from: at }))).toHaveLength(0);
    const behind = journals.read(ID, { from: at + 1 });
    await expect(behind).rejects.toMatchObject({ code: 'range-not-satisfiable', fields: [{ path: 'query.from' }] });
  });

  it('ends a part at a record, and gives at least one', async () => {
    journals.begin(ID, 1);
    const records = outputs([100, 400_000, 100, 100]);
    await keep(records);
    const ends = records.map((_, index) => bytesOf(records.slice(0, index + 1)).length);
    expect(await journals.boundary(ID, 0, 1)).toBe(ends[0]);
    expect(await journals.boundary(ID, 0, 200)).toBe(ends[0]);
    expect(await journals.boundary(ID, ends[0] as number, 10)).toBe(ends[1]);
    expect(await journals.boundary(ID, 0, (ends[2] as number) + 3)).toBe(ends[2]);
    expect(await journals.boundary(ID, 0, 1 << 26)).toBe(ends[3]);
  });

  it('follows what is stored later, wakes at the end, and shows nothing that is not stored', async () => {
    journals.begin(ID, 1);
    let grows = true;
    const reading = collect(await journals.read(ID, { from: 0, mayGrow: () => grows }));
    const records = outputs(Array.from({ length: 50 }, (_, index) => 1000 * index));
    for (const record of records) await keep([record]);
    grows = false;
    await journals.release(ID);
    expect((await reading).equals(bytesOf(records))).toBe(true);
  });

  it('stops following when its reader goes away', async () => {
    journals.begin(ID, 1);
    const gone = new AbortController();
    const reading = collect(await journals.read(ID, { from: 0, mayGrow: () => true, signal: gone.signal }));
    gone.abort();
    expect(await reading).toHaveLength(0);
  });
});

describe('a journal that grows', () => {
  beforeEach(() => makeJournals());

  it('costs a slow follower no memory: it pulls from the file', async () => {
    journals.begin(ID, 1);
    const chunk = new Uint8Array(900_000).fill(97);
    const journal = writer();
    const chunks = await journals.read(ID, { from: 0, mayGrow: () => true });
    const iterator = chunks[Symbol.asyncIterator]();
    const reader = new JournalReader();
    const first = iterator.next();
    const frame = () => encodeRecord(journal.output(0, chunk));
    const collect = garbageCollector().everything;
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 60; i++) {
      const append = journals.append(ID, 1, frame());
      if (append.kind === 'taken') await append.stored;
    }
    await eventually(() => {
      collect();
      return process.memoryUsage().arrayBuffers - before < 30_000_000;
    });
    let seen = reader.push((await first).value as Uint8Array).length;
    while (seen < 60) seen += reader.push((await iterator.next()).value as Uint8Array).length;
    await iterator.return?.();
  });
});
