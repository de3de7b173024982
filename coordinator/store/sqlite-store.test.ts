import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from './sqlite-store.ts';
import type { Store } from './store.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-store-'));
  path = join(folder, 'outrunner.db');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (store: Store, key: string, value = '') =>
  store.write((tx) => tx.insertInto('meta').values({ key, value }).execute());
const keys = async (store: Store) =>
  (await store.read.selectFrom('meta').select('key').orderBy('key').execute()).map((row) => row.key);

describe('writing', () => {
  it('shows a unit to readers when it has resolved, and not before', async () => {
    const store = await openSqliteStore(path);
    let seenInside: string[] = [];
    await store.write(async (tx) => {
      await tx.insertInto('meta').values({ key: 'a', value: '' }).execute();
      seenInside = await keys(store);
    });
    expect(seenInside).toEqual([]);
    expect(await keys(store)).toEqual(['a']);
    await store.close();
  });

  it('lets units that wait together share one commit, and resolves none of them before it', async () => {
    const store = await openSqliteStore(path);
    const other = new DatabaseSync(path, { readOnly: true });
    const committed = () => (other.prepare('select count(*) as n from meta').get() as { n: number }).n;
    const atResolve: number[] = [];
    const insideUnit: number[] = [];
    await Promise.all(
      ['a', 'b', 'c'].map((key) =>
        store
          .write(async (tx) => {
            insideUnit.push(committed());
            await tx.insertInto('meta').values({ key, value: '' }).execute();
          })
          .then(() => atResolve.push(committed())),
      ),
    );
    expect(insideUnit).toEqual([0, 0, 0]);
    expect(atResolve).toEqual([3, 3, 3]);
    other.close();
    await store.close();
  });

  it('rolls a failing unit back alone: for every interleaving, what resolved is there and what rejected is not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            writes: fc.integer({ min: 0, max: 3 }),
            fails: fc.constantFrom('no', 'throws', 'violates'),
            together: fc.boolean(),
          }),
          { minLength: 1, maxLength: 25 },
        ),
        async (units) => {
          const one = join(folder, `${Math.random()}.db`);
          const store = await openSqliteStore(one);
          const expected: string[] = [];
          const pending: Promise<unknown>[] = [];
          for (const [index, unit] of units.entries()) {
            const outcome = store
              .write(async (tx) => {
                for (let i = 0; i < unit.writes; i++) {
                  await tx
                    .insertInto('meta')
                    .values({ key: `${index}.${i}`, value: '' })
                    .execute();
                }
                if (unit.fails === 'throws') throw new Error('wanted');
                if (unit.fails === 'violates') {
                  await tx
                    .insertInto('assignment')
                    .values({ runner_id: 'x', project_id: 'y', as_node: 0, remote_dispatch: 0, node_filter: '' })
                    .execute();
                }
                return index;
              })
              .then(
                (value) => {
                  expect([unit.fails, value]).toEqual(['no', index]);
                  for (let i = 0; i < unit.writes; i++) expected.push(`${index}.${i}`);
                },
                (error: unknown) => {
                  expect(unit.fails).not.toBe('no');
                  expect(error).toMatchObject(unit.fails === 'throws' ? { message: 'wanted' } : { code: 'internal' });
                },
              );
            pending.push(outcome);
            if (!unit.together) await outcome;
          }
          await Promise.all(pending);
          expect(await keys(store)).toEqual(expected.sort());
          await store.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  it('runs units one after the other: none sees another one half done', async () => {
    const store = await openSqliteStore(path);
    await put(store, 'counter', '0');
    const raise = () =>
      store.write(async (tx) => {
        const row = await tx.selectFrom('meta').select('value').where('key', '=', 'counter').executeTakeFirstOrThrow();
        await tx
          .updateTable('meta')
          .set({ value: `${Number(row.value) + 1}` })
          .where('key', '=', 'counter')
          .execute();
      });
    await Promise.all(Array.from({ length: 200 }, raise));
    const row = await store.read
      .selectFrom('meta')
      .select('value')
      .where('key', '=', 'counter')
      .executeTakeFirstOrThrow();
    expect(row.value).toBe('200');
    await store.close();
  });

  it('finishes what waits when it is closed, and refuses what comes later', async () => {
    const store = await openSqliteStore(path);
    const waiting = [put(store, 'a'), put(store, 'b')];
    const closing = store.close();
    await expect(put(store, 'c')).rejects.toMatchObject({ code: 'shutting-down' });
    await Promise.all([...waiting, closing]);
    const again = await openSqliteStore(path);
    expect(await keys(again)).toEqual(['a', 'b']);
    await again.close();
  });

  it('reports a full disk as what it is, and goes on when there is room', async () => {
    const store = await openSqliteStore(path);
    await store.write(async (tx) => {
      const { sql } = await import('kysely');
      await sql`pragma max_page_count = 80`.execute(tx);
    });
    const big = 'x'.repeat(400_000);
    const both = await Promise.allSettled([put(store, 'small'), put(store, 'big', big)]);
    expect(both.map((one) => one.status)).toContain('rejected');
    expect(both.find((one) => one.status === 'rejected')).toMatchObject({ reason: { code: 'storage-full' } });
    await put(store, 'later');
    const there = await keys(store);
    expect(there).toContain('later');
    expect(there.includes('small')).toBe(both[0]?.status === 'fulfilled');
    await store.close();
  });
});

describe('durability', () => {
  it('keeps everything that resolved when the process is killed in mid work', async () => {
    const program = join(import.meta.dirname, 'test-programs', 'write-until-killed.ts');
    const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8');
    for await (const chunk of child.stdout as AsyncIterable<string>) {
      said += chunk;
      if (said.split('\n').length > 300 && !child.killed) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    const promised = said.split('\n').slice(0, -1);
    expect(promised.length).toBeGreaterThanOrEqual(300);
    const store = await openSqliteStore(path);
    const there = new Set(await keys(store));
    expect(promised.filter((key) => !there.has(key))).toEqual([]);
    await store.close();
  });
});

describe('a commit that is not on disk yet', () => {
  /** The real log on a disk that is as slow, or as ill, as the test says. */
  class Disk extends WriteAheadLog {
    readonly waits: PromiseWithResolvers<void>[] = [];
    slow = false;

    override async sync(): Promise<void> {
      await super.sync(false);
      if (!this.slow) return;
      const wait = Promise.withResolvers<void>();
      this.waits.push(wait);
      await wait.promise;
    }

    /** Resolves when somebody waits for it. */
    async asked(): Promise<PromiseWithResolvers<void>> {
      for (;;) {
        const wait = this.waits.shift();
        if (wait !== undefined) return wait;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  it('is seen by no reader, and its unit has not resolved; what comes meanwhile shares the next one', async () => {
    const disk = new Disk(path);
    const store = await openSqliteStore(path, disk);
    await put(store, 'a');
    disk.slow = true;
    const resolved: string[] = [];
    const writing = ['b', 'c', 'd'].map((key) => {
      const written = put(store, key).then(() => resolved.push(key));
      return { key, written };
    });
    const first = await disk.asked();
    const later = ['e', 'f'].map((key) => put(store, key).then(() => resolved.push(key)));
    expect(await keys(store)).toEqual(['a']);
    expect(resolved).toEqual([]);
    first.resolve();
    await Promise.all(writing.map(({ written }) => written));
    const second = await disk.asked();
    expect(await keys(store)).toEqual(['a', 'b', 'c', 'd']);
    expect(resolved).toEqual(['b', 'c', 'd']);
    second.resolve();
    await Promise.all(later);
    expect(await keys(store)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(disk.waits).toEqual([]);
    await store.close();
  });

  it('and never will be, is refused, as is all that comes after it: nothing can be promised until the next start', async () => {
    const disk = new Disk(path);
    const store = await openSqliteStore(path, disk);
    await put(store, 'a');
    disk.slow = true;
    const failing = Promise.allSettled([put(store, 'b')]);
    const wait = await disk.asked();
    const next = Promise.allSettled([put(store, 'c')]);
    wait.reject(Object.assign(new Error('the disk is ill'), { code: 'EIO' }));
    for (const [outcome] of [await failing, await next]) {
      const reason = { code: 'internal', message: expect.stringContaining('EIO') };
      expect(outcome).toMatchObject({ status: 'rejected', reason });
    }
    expect(await keys(store)).toEqual(['a']);
    disk.slow = false;
    await expect(put(store, 'd')).rejects.toMatchObject({ code: 'internal' });
    await store.close();
    const after = await openSqliteStore(path);
    const there = await keys(after);
    expect(there).toContain('a');
    expect(there).not.toContain('d');
    await after.close();
  });

  it('moves on into the database from time to time, so that the log does not grow for ever', async () => {
    const store = await openSqliteStore(path);
    const value = 'x'.repeat(2000);
    for (let round = 0; round < 30; round++) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => put(store, `${round}.${i}`, value)));
    }
    expect((await stat(`${path}-wal`)).size).toBeLessThan(6_000_000);
    expect((await stat(path)).size).toBeGreaterThan(5_000_000);
    await store.close();
  });
});

describe('opening', () => {
  it('opens what it made before, with everything in it', async () => {
    const first = await openSqliteStore(path);
    await put(first, 'a');
    await first.close();
    const second = await openSqliteStore(path);
    expect(await keys(second)).toEqual(['a']);
    await second.close();
  });

  it('says in one line that a file is no database', async () => {
    await writeFile(path, 'this is a text file and certainly not a database'.repeat(100));
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      kind: 'data',
      message: expect.stringMatching(/damaged or is not a database/),
    });
  });

  it('says in one line that the folder is missing', async () => {
    await expect(openSqliteStore(join(folder, 'none', 'x.db'))).rejects.toMatchObject({
      message: expect.stringMatching(/cannot be opened/),
    });
  });

  it('refuses a database that a newer version has migrated', async () => {
    const store = await openSqliteStore(path);
    await store.close();
    const database = new DatabaseSync(path);
    database.prepare("insert into kysely_migration(name, timestamp) values ('2031-01-moon', '')").run();
    database.close();
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      kind: 'data',
      message: expect.stringMatching(/newer Outrunner.*2031-01-moon/),
    });
  });

  it('makes the tables whole or not at all', async () => {
    const database = new DatabaseSync(path);
    database.exec('create table operation (x)');
    database.close();
    await expect(openSqliteStore(path)).rejects.toMatchObject({ kind: 'data' });
    const after = new DatabaseSync(path);
    const tables = after
      .prepare("select name from sqlite_master where type = 'table'")
      .all()
      .map((row) => row.name);
    after.close();
    expect(tables).not.toContain('runner');
  });
});
