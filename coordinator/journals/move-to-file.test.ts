import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeJournal } from '../../protocol/journal.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { bytesOf, JournalWriter } from '../testing/journal-records.ts';
import { journalPath, storedJournal, storedPieces } from '../testing/stored-journal.ts';
import type { Journals } from './journals.ts';
import { storedJournals } from './stored-journals.ts';

const ID = 'ab000000-0000-4000-8000-000000000001';
const SHORT = { bytes: 4000, pieces: 5 };
let folder: string;
let database: string;
let store: Store;
let journals: Journals;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-journals-'));
  await mkdir(join(folder, 'ab'));
  database = join(folder, 'outrunner.db');
  await up();
});
afterEach(async () => {
  await down();
  await rm(folder, { recursive: true, force: true });
});

async function up(): Promise<void> {
  store = await openSqliteStore(database);
  journals = storedJournals({ store, folder, short: SHORT });
}
async function down(): Promise<void> {
  await journals.stop();
  await store.close();
}
async function restarted(): Promise<void> {
  await down();
  await up();
}

const path = () => journalPath(folder, ID);
const pieces = () => storedPieces(database, ID);
const stored = () => storedJournal({ database, folder }, ID);
const writer = (operation = ID) => new JournalWriter({ operation, attempt: 1 }, () => 1_800_000_000_000);

async function keep(bytes: Uint8Array, attempt = 1): Promise<void> {
  const append = journals.append(ID, attempt, bytes);
  if (append.kind !== 'taken') throw new Error(`not taken: ${append.kind}`);
  await append.stored;
}

async function readAll(): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of await journals.read(ID, { from: 0 })) all.push(chunk);
  return Buffer.concat(all);
}

describe('a journal', () => {
  it('is rows while it is short, then a file that has all of it', async () => {
    const journal = writer();
    const short = [journal.started(), journal.stepStarted(0)];
    journals.begin(ID, 1);
    await keep(bytesOf(short));
    expect(Buffer.concat(pieces())).toEqual(bytesOf(short));
    expect(existsSync(path())).toBe(false);
    const long = [journal.output(0, 'x'.repeat(5000))];
    await keep(bytesOf(long));
    expect(pieces()).toEqual([]);
    expect(await readFile(path())).toEqual(bytesOf([...short, ...long]));
    const end = [journal.stepFinished(0), journal.finished()];
    await keep(bytesOf(end));
    expect(pieces()).toEqual([]);
    expect(await readFile(path())).toEqual(bytesOf([...short, ...long, ...end]));
    expect(await readdir(join(folder, 'ab'))).toHaveLength(1);
  });

  it('moves also when it is many pieces', async () => {
    const journal = writer();
    journals.begin(ID, 1);
    for (let i = 0; i < SHORT.pieces; i++) await keep(bytesOf([journal.output(0, 'x')]));
    expect(pieces()).toHaveLength(SHORT.pieces);
    await keep(bytesOf([journal.output(0, 'x')]));
    expect(pieces()).toHaveLength(0);
    expect(decodeJournal(await readFile(path())).nextNumber).toBe(SHORT.pieces + 1);
  });

  it('is opened after a restart as what it is, says what it tells, and goes on', async () => {
    const journal = writer();
    const records = [
      journal.started(),
      journal.stepStarted(0),
      journal.output(0, 'x'.repeat(5000)),
      journal.finished(),
    ];
    journals.begin(ID, 1);
    for (const [index, record] of records.entries()) {
      await keep(bytesOf([record]));
      await restarted();
      const soFar = records.slice(0, index + 1);
      expect(await journals.size(ID)).toBe(bytesOf(soFar).length);
      expect(await readAll()).toEqual(bytesOf(soFar));
      const { position, events } = await journals.open(ID, 1);
      expect(position).toEqual({ next: index + 1, bytes: bytesOf(soFar).length });
      expect(events?.map(({ kind }) => kind)).toEqual(
        soFar.map(({ kind }) => kind).filter((kind) => kind !== 'output'),
      );
    }
    expect(pieces()).toEqual([]);
    expect(await stored()).toEqual(bytesOf(records));
  });

  it('that was a file before short ones were rows is read and continued as one', async () => {
    const journal = writer();
    const records = journal.whole();
    await writeFile(path(), bytesOf(records.slice(0, 3)));
    expect(await readAll()).toEqual(bytesOf(records.slice(0, 3)));
    expect((await journals.open(ID, 1)).position.next).toBe(3);
    await keep(bytesOf(records));
    expect(pieces()).toEqual([]);
    expect(await readFile(path())).toEqual(bytesOf(records));
  });

  it('of a new attempt has nothing of what an earlier one left behind, be that rows or a file', async () => {
    const late = bytesOf([writer().output(0, 'late'), writer().output(0, 'later')]);
    const records = writer().whole();
    for (const size of [1, 5000]) {
      await store.write((tx) =>
        tx
          .insertInto('journal_piece')
          .values([
            { operation_id: ID, number: 0, bytes: late },
            { operation_id: ID, number: 7, bytes: late },
          ])
          .execute(),
      );
      await writeFile(path(), late);
      journals.begin(ID, 2);
      const all = [...records.slice(0, 2), { ...(records[2] as (typeof records)[0]), payload: new Uint8Array(size) }];
      await keep(bytesOf(all), 2);
      expect(await readAll()).toEqual(bytesOf(all));
      expect(await stored()).toEqual(bytesOf(all));
      await journals.release(ID);
      await store.write((tx) => tx.deleteFrom('journal_piece').execute());
    }
  });

  it('whose rows are damaged is cut off before the damage', async () => {
    const records = writer().whole();
    journals.begin(ID, 1);
    for (const record of records) await keep(bytesOf([record]));
    const flipped = bytesOf(records.slice(2, 3));
    flipped[30] = (flipped[30] as number) ^ 1;
    await store.write((tx) =>
      tx.updateTable('journal_piece').set({ bytes: flipped }).where('number', '=', 2).execute(),
    );
    await restarted();
    expect((await journals.open(ID, 1)).position).toEqual({ next: 2, bytes: bytesOf(records.slice(0, 2)).length });
    await keep(bytesOf(records.slice(2)));
    await restarted();
    expect(await readAll()).toEqual(bytesOf(records));
  });
});

describe('readers of a journal that moves', () => {
  it('see all of it once, whether they come before, meanwhile or after', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(2500), { minLength: 1, maxLength: 12 }), async (sizes) => {
        const journal = writer();
        journals.begin(ID, 1);
        let grows = true;
        const following: Promise<Buffer>[] = [];
        const follow = async () => {
          const all: Uint8Array[] = [];
          for await (const chunk of await journals.read(ID, { from: 0, mayGrow: () => grows })) all.push(chunk);
          return Buffer.concat(all);
        };
        const records = sizes.map((size) => journal.output(0, 'x'.repeat(size)));
        for (const record of records) {
          following.push(follow());
          const keeping = keep(bytesOf([record]));
          following.push(follow());
          await keeping;
        }
        grows = false;
        journals.wake(ID);
        const whole = bytesOf(records);
        for (const seen of await Promise.all(following)) expect(seen.equals(whole)).toBe(true);
        await journals.release(ID);
        await store.write((tx) => tx.deleteFrom('journal_piece').execute());
        await rm(path(), { force: true });
      }),
      { numRuns: 40 },
    );
  });
});

describe('a crash while a journal moves to its file', () => {
  // What was acknowledged, and what was being added when it moved.
  const records = writer().whole('x'.repeat(6000));
  const known = records.slice(0, 2);

  it.each([
    {
      when: 'in the middle of writing the file',
      files: { '.journal.new': bytesOf(records).subarray(0, 3000) },
      next: 2,
    },
    { when: 'before the file has its name', files: { '.journal.new': bytesOf(records) }, next: 2 },
    { when: 'before the rows are deleted', files: { '.journal': bytesOf(records) }, next: 2 },
    {
      when: 'before the rows are deleted, and in the middle of writing it once more',
      files: { '.journal': bytesOf(records), '.journal.new': bytesOf(records).subarray(0, 3000) },
      next: 2,
    },
    { when: 'right after', files: { '.journal': bytesOf(records) }, next: 5, deleted: true },
  ])('$when loses nothing and doubles nothing', async ({ files, next, deleted }) => {
    journals.begin(ID, 1);
    await keep(bytesOf(known));
    await down();
    for (const [suffix, bytes] of Object.entries(files)) await writeFile(path().replace('.journal', suffix), bytes);
    await up();
    if (deleted) await store.write((tx) => tx.deleteFrom('journal_piece').execute());
    const there = bytesOf(records.slice(0, next));
    expect(await readAll()).toEqual(there);
    expect(await journals.size(ID)).toBe(there.length);
    expect((await journals.open(ID, 1)).position).toEqual({ next, bytes: there.length });
    if (next < records.length) await keep(bytesOf(records));
    expect(await stored()).toEqual(bytesOf(records));
    expect(await readAll()).toEqual(bytesOf(records));
    expect(pieces()).toEqual([]);
    expect(await readdir(join(folder, 'ab'))).toEqual([`${ID}.journal`]);
  });

  it('or at any other moment loses nothing that was stored: killed for real', async () => {
    const program = join(import.meta.dirname, 'test-programs', 'journal-until-killed.ts');
    for (const lines of [20, 90, 250]) {
      const child = spawn(process.execPath, [program, database, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.setEncoding('utf8');
      for await (const chunk of child.stdout as AsyncIterable<string>) {
        said += chunk;
        if (said.split('\n').length > lines && !child.killed) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      expect(child.signalCode).toBe('SIGKILL');
      const promised = new Map<string, number>();
      for (const line of said.split('\n').slice(0, -1)) {
        const [operation, next] = line.split(' ') as [string, string];
        promised.set(operation, Number(next));
      }
      for (const [operation, next] of promised) {
        const journal = writer(operation);
        const whole = bytesOf(Array.from({ length: 9 }, (_, i) => journal.output(0, `${i} `.repeat(100 * i))));
        const opened = await journals.open(operation, 1);
        expect(opened.position.next).toBeGreaterThanOrEqual(next);
        const missing = whole.subarray(opened.position.bytes);
        if (missing.length > 0) {
          const append = journals.append(operation, 1, missing);
          if (append.kind !== 'taken') throw new Error(append.kind);
          await append.stored;
        }
        expect((await storedJournal({ database, folder }, operation)).equals(whole)).toBe(true);
        await journals.release(operation);
      }
    }
  });
});

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!isRoot)('a full disk (needs root on Linux, to mount a small one)', () => {
  /** Runs `use` with a small disk, and a way to make it bigger. */
  async function onSmallDisk(use: (disk: string, grow: () => void) => Promise<void>): Promise<void> {
    const disk = join(folder, 'disk');
    await mkdir(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', disk]);
    try {
      await use(disk, () => void execFileSync('mount', ['-o', 'remount,size=8m', disk]));
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  }

  /** Takes the little room that the log of a database still has. */
  async function fill(small: Store): Promise<void> {
    for (let i = 0, refused = 0; refused < 10; i++) {
      const written = small.write((tx) =>
        tx
          .insertInto('meta')
          .values({ key: String(i), value: '' })
          .execute(),
      );
      refused = await written.then(
        () => 0,
        () => refused + 1,
      );
    }
  }

  it('of the files is reported as what it is, damages nothing, and is over when there is room', async () => {
    await onSmallDisk(async (disk, grow) => {
      const small = storedJournals({ store, folder: disk, short: SHORT });
      const now = () => storedJournal({ database, folder: disk }, ID);
      small.begin(ID, 1);
      const journal = writer();
      const sizes = [10, 400_000, 50_000, 50_000, 400_000, 10];
      const records = sizes.map((size) => journal.output(0, 'x'.repeat(size)));
      const tryTo = async (from: number, to = records.length) => {
        const append = small.append(ID, 1, bytesOf(records.slice(from, to)));
        if (append.kind !== 'taken') throw new Error(append.kind);
        await append.stored;
      };
      await tryTo(0, 1);
      // It does not fit into a file: it stays rows.
      await expect(tryTo(1, 2)).rejects.toMatchObject({ code: 'storage-full' });
      expect(await now()).toEqual(bytesOf(records.slice(0, 1)));
      expect(await readdir(join(disk, 'ab'))).toEqual([]);
      expect(small.append(ID, 1, bytesOf(records.slice(2)))).toEqual({ kind: 'gap', next: 1 });
      records.splice(1, 1);
      for (const [index, record] of records.entries()) Object.assign(record, { number: index });
      await tryTo(1, 3);
      // It is a file, and what comes does not fit into it.
      await expect(tryTo(3)).rejects.toMatchObject({ code: 'storage-full' });
      expect(await readFile(journalPath(disk, ID))).toEqual(bytesOf(records.slice(0, 3)));
      expect(small.append(ID, 1, bytesOf(records.slice(4)))).toEqual({ kind: 'gap', next: 3 });
      grow();
      await tryTo(3);
      expect((await now()).equals(bytesOf(records))).toBe(true);
      await small.stop();
    });
  });

  it('of the database likewise: also a move that cannot be finished for lack of room there', async () => {
    await onSmallDisk(async (disk, grow) => {
      const inDisk = join(disk, 'outrunner.db');
      grow();
      const smallStore = await openSqliteStore(inDisk);
      const small = storedJournals({ store: smallStore, folder, short: SHORT });
      const now = () => storedJournal({ database: inDisk, folder }, ID);
      const records = writer().whole('x'.repeat(6000));
      const tryTo = async (from: number, to: number) => {
        const append = small.append(ID, 1, bytesOf(records.slice(from, to)));
        if (append.kind !== 'taken') throw new Error(append.kind);
        await append.stored;
      };
      small.begin(ID, 1);
      await tryTo(0, 1);
      const ballast = join(disk, 'ballast');
      execFileSync('sh', ['-c', `head -c 16m /dev/zero > ${ballast} 2>/dev/null || true`]);
      await fill(smallStore);
      await expect(tryTo(1, 2)).rejects.toMatchObject({ code: 'storage-full' });
      await expect(tryTo(1, 5)).rejects.toMatchObject({ code: 'storage-full' });
      expect(small.stored(ID)?.next).toBe(1);
      expect(await now()).toEqual(bytesOf(records.slice(0, 1)));
      await rm(ballast);
      await tryTo(1, 2);
      expect(await now()).toEqual(bytesOf(records.slice(0, 2)));
      await tryTo(2, 5);
      expect(storedPieces(inDisk, ID)).toEqual([]);
      expect(await now()).toEqual(bytesOf(records));
      await small.stop();
      await smallStore.close();
    });
  });
});
