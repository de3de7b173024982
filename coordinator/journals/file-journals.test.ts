import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
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
import { JournalWriter } from '../testing/journal-records.ts';
import { fileJournals } from './file-journals.ts';
import type { Journals } from './journals.ts';

const ID = 'ab000000-0000-4000-8000-000000000001';
let folder: string;
let journals: Journals;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-journals-'));
  journals = fileJournals(folder);
});
afterEach(async () => {
  await journals.stop();
  await rm(folder, { recursive: true, force: true });
});

const path = (operation = ID) => join(folder, operation.slice(0, 2), `${operation}.journal`);
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

async function store(records: readonly JournalRecord[]): Promise<void> {
  const append = journals.append(ID, 1, bytesOf(records));
  if (append.kind !== 'taken') throw new Error(`not taken: ${append.kind}`);
  await append.stored;
}

describe('appending', () => {
  it('stores whole records in order and says what they tell, output left out', async () => {
    journals.begin(ID, 1);
    const records = writer().whole();
    const append = journals.append(ID, 1, bytesOf(records));
    expect(append).toMatchObject({ kind: 'taken', position: { next: 5 } });
    if (append.kind !== 'taken') return;
    expect(append.events.map((event) => event.kind)).toEqual(['started', 'step-started', 'step-finished', 'finished']);
    expect(await append.stored).toEqual({ next: 5, bytes: bytesOf(records).length });
    expect(await readFile(path())).toEqual(bytesOf(records));
  });

  it('drops what it has, and takes the rest of a frame that overlaps', async () => {
    journals.begin(ID, 1);
    const records = outputs([3, 4, 5, 6]);
    await store(records.slice(0, 2));
    expect(journals.append(ID, 1, bytesOf(records.slice(0, 2)))).toEqual({ kind: 'duplicate', next: 2 });
    await store(records.slice(1));
    expect(await readFile(path())).toEqual(bytesOf(records));
  });

  it('refuses a gap, saying what comes next', async () => {
    journals.begin(ID, 1);
    const records = outputs([3, 4, 5]);
    await store(records.slice(0, 1));
    expect(journals.append(ID, 1, bytesOf(records.slice(2)))).toEqual({ kind: 'gap', next: 1 });
    await store(records.slice(1));
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
          const stored: Promise<unknown>[] = [];
          let next = 0;
          for (const [from, count] of frames) {
            const sent = records.slice(from, from + count + 1);
            if (sent.length === 0) continue;
            const append = journals.append(operation, 1, bytesOf(sent));
            if (from > next) expect(append).toEqual({ kind: 'gap', next });
            if (append.kind !== 'taken') continue;
            next = append.position.next;
            stored.push(append.stored);
          }
          const rest = records.slice(next);
          if (rest.length > 0) {
            const append = journals.append(operation, 1, bytesOf(rest));
            if (append.kind === 'taken') stored.push(append.stored);
          }
          await Promise.all(stored);
          expect((await readFile(path(operation))).equals(bytesOf(records))).toBe(true);
          await journals.release(operation);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('after a crash', () => {
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
      expect((await readFile(path())).length).toBe(expected.soundBytes);
      if (position.next < records.length) await store(records.slice(position.next));
      expect((await readFile(path())).equals(whole)).toBe(true);
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
    expect((await readFile(path())).length).toBe(7 * one);
  });
});

describe('reading', () => {
  it('gives whole records from any record on, and refuses offsets that are none, naming the field', async () => {
    journals.begin(ID, 1);
    const records = outputs([10, 300_000, 20, 1_000_000, 5]);
    await store(records);
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
    await store(records);
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
    for (const record of records) await store([record]);
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

  it('costs a slow follower no memory: it pulls from the file', async () => {
    journals.begin(ID, 1);
    const chunk = new Uint8Array(900_000).fill(97);
    const journal = writer();
    const chunks = await journals.read(ID, { from: 0, mayGrow: () => true });
    const iterator = chunks[Symbol.asyncIterator]();
    const reader = new JournalReader();
    const first = iterator.next();
    const frame = () => encodeRecord(journal.output(0, chunk));
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 60; i++) {
      const append = journals.append(ID, 1, frame());
      if (append.kind === 'taken') await append.stored;
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(30_000_000);
    let seen = reader.push((await first).value as Uint8Array).length;
    while (seen < 60) seen += reader.push((await iterator.next()).value as Uint8Array).length;
    await iterator.return?.();
  });
});

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!isRoot)('a full disk (needs root on Linux, to mount a small one)', () => {
  it('is reported as what it is, damages nothing, and is over when there is room', async () => {
    const disk = join(folder, 'disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', disk]);
    try {
      const small = fileJournals(disk);
      const file = join(disk, 'ab', `${ID}.journal`);
      small.begin(ID, 1);
      const records = outputs([50_000, 50_000, 400_000, 10]);
      const first = small.append(ID, 1, bytesOf(records.slice(0, 2)));
      if (first.kind === 'taken') await first.stored;
      const tooMuch = small.append(ID, 1, bytesOf(records.slice(2)));
      expect(tooMuch.kind).toBe('taken');
      if (tooMuch.kind === 'taken') await expect(tooMuch.stored).rejects.toMatchObject({ code: 'storage-full' });
      expect(await readFile(file)).toEqual(bytesOf(records.slice(0, 2)));
      expect(small.append(ID, 1, bytesOf(records.slice(3)))).toEqual({ kind: 'gap', next: 2 });
      execFileSync('mount', ['-o', 'remount,size=4m', disk]);
      const again = small.append(ID, 1, bytesOf(records.slice(2)));
      if (again.kind === 'taken') await again.stored;
      expect((await readFile(file)).equals(bytesOf(records))).toBe(true);
      await small.stop();
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});
