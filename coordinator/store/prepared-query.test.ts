import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { preparedQuery } from './prepared-query.ts';
import { openSqliteStore } from './sqlite-store.ts';

async function openStore() {
  const folder = await mkdtemp(join(tmpdir(), 'outrunner-prepared-'));
  const store = await openSqliteStore(join(folder, 'outrunner.db'));
  onTestFinished(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });
  return store;
}

const insert = preparedQuery<{ key: string; value: string }>((db, value) =>
  db.insertInto('meta').values({ key: value('key'), value: value('value') }),
);

it('runs with the values of each call, in whatever order the query needs them', async () => {
  const store = await openStore();
  const update = preparedQuery<{ key: string; value: string }, { value: string }>((db, value) =>
    db
      .updateTable('meta')
      .set({ value: value('value') })
      .where('key', '=', value('key'))
      .returning('value'),
  );
  await store.write(async (tx) => {
    await insert(tx, { key: 'a', value: '1' });
    await insert(tx, { key: 'b', value: '2' });
  });
  const { rows } = await store.write((tx) => update(tx, { key: 'b', value: '3' }));
  expect(rows).toEqual([{ value: '3' }]);
  const all = await store.read.selectFrom('meta').selectAll().orderBy('key').execute();
  expect(all).toEqual([
    { key: 'a', value: '1' },
    { key: 'b', value: '3' },
  ]);
});

it('keeps null and what the query says itself', async () => {
  const store = await openStore();
  const seen = preparedQuery<{ at: number | null }, { at: number | null; fixed: string }>((db, value) =>
    db.selectNoFrom((eb) => [eb.val(value('at')).as('at'), eb.val('always').as('fixed')]),
  );
  const { rows } = await store.write((tx) => seen(tx, { at: null }));
  expect(rows).toEqual([{ at: null, fixed: 'always' }]);
});

it('takes part in the transaction: what its unit throws takes it back', async () => {
  const store = await openStore();
  const failed = store.write(async (tx) => {
    await insert(tx, { key: 'a', value: '1' });
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect(await store.read.selectFrom('meta').selectAll().execute()).toEqual([]);
});
