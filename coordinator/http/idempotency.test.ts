import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
beforeAll(async () => {
  whole = await startWhole();
});
afterAll(() => whole.stop());

const create = (name: string, key: string) =>
  whole.call('createRunner', { body: newRunner(name), headers: { 'idempotency-key': key } });

it('answers a repeated call with the first answer, secrets included, and does nothing again', async () => {
  const first = await create('one', 'key-1');
  const again = await create('one', 'key-1');
  expect(first).toMatchObject({ status: 201 });
  expect(again).toMatchObject({ status: 201, body: first.body });
  expect([first.headers.get('idempotency-replayed'), again.headers.get('idempotency-replayed')]).toEqual([
    null,
    'true',
  ]);
  expect((await whole.call('listRunners', { query: { search: 'one' } })).body.total).toBe(1);
});

it('does it once when the same call comes several times at the same moment', async () => {
  const answers = await Promise.all([1, 2, 3, 4].map(() => create('together', 'key-2')));
  expect(new Set(answers.map((one) => one.body.runner.id)).size).toBe(1);
  expect(answers.map((one) => one.status)).toEqual([201, 201, 201, 201]);
});

it('refuses a key that was used for another request, also while that is under way', async () => {
  await create('a', 'key-3');
  expect(await create('b', 'key-3')).toMatchObject({ status: 409, body: { code: 'idempotency-mismatch' } });
  const answers = await Promise.all([create('c', 'key-4'), create('d', 'key-4')]);
  expect(answers.map((one) => one.status).sort()).toEqual([201, 409]);
});

it('lets what failed be tried again under the same key', async () => {
  expect((await create('taken', 'key-5')).status).toBe(201);
  expect((await create('taken', 'key-6')).status).toBe(409);
  await whole.call('deleteRunner', {
    params: { id: (await whole.call('listRunners', { query: { search: 'taken' } })).body.items[0].id },
  });
  expect((await create('taken', 'key-6')).status).toBe(201);
});

it('remembers over a restart, and forgets after a day', async () => {
  const first = await create('kept', 'key-7');
  whole = await whole.restart();
  expect((await create('kept', 'key-7')).body).toEqual(first.body);
  whole.clock.jump(24 * 3_600_000);
  expect(await create('kept', 'key-7')).toMatchObject({ status: 409, body: { code: 'name-taken' } });
});

it('runs a job once also when the coordinator died after starting it and before keeping the answer', async () => {
  const job = { name: 'once', workflow: { steps: [{ type: 'command', command: 'true' }] } };
  const { id } = (await whole.call('createJob', { params: { project: 'Welcome' }, body: job })).body;
  const run = (key: string) => whole.call('runJob', { params: { id }, body: {}, headers: { 'idempotency-key': key } });
  const command = (key: string) => {
    const headers = { 'idempotency-key': key };
    return whole.call('runAdHoc', { params: { project: 'Welcome' }, body: { command: 'true' }, headers });
  };
  const [job1, command1] = [await run('key-8'), await command('key-9')];
  // As the tables look after a `kill -9` between the two writes.
  const tables = new DatabaseSync(join(whole.folder, 'outrunner.db'));
  tables.exec('delete from idempotency');
  tables.close();
  whole = await whole.restart();
  const [job2, command2] = [await run('key-8'), await command('key-9')];
  expect([job2.status, job2.body.id]).toEqual([201, job1.body.id]);
  expect([command2.status, command2.body.id]).toEqual([201, command1.body.id]);
  expect((await run('key-10')).body.id).not.toBe(job1.body.id);
  whole.clock.jump(24 * 3_600_000);
  const nextDay = await run('key-8');
  expect([nextDay.status, nextDay.body.id === job1.body.id]).toEqual([201, false]);
});

it('makes nothing twice, and loses no token, when the coordinator died before it kept the answer', async () => {
  const workflow = { steps: [{ type: 'command', command: 'true' }] };
  const job = { name: 'crashed', workflow };
  const key = (name: string) => ({ headers: { 'idempotency-key': name } });
  const calls = () =>
    Promise.all([
      create('crashed', 'key-11'),
      whole.call('createProject', { body: { name: 'Crashed' }, ...key('key-13') }),
      whole.call('createJob', { params: { project: 'Welcome' }, body: job, ...key('key-14') }),
      whole.call('createEnrolment', { params: { id: runner }, body: { revoke: false }, ...key('key-15') }),
    ]);
  const runner = (await create('other', 'key-12')).body.runner.id;
  const before = await calls();
  const tables = new DatabaseSync(join(whole.folder, 'outrunner.db'));
  tables.exec('delete from idempotency');
  tables.close();
  whole = await whole.restart();
  const after = await calls();
  expect(before.map((one) => one.status)).toEqual([201, 201, 201, 201]);
  expect(after.map((one) => [one.status, one.body])).toEqual(before.map((one) => [201, one.body]));
  expect((await whole.call('listRunners', { query: { search: 'crashed' } })).body.total).toBe(1);
  // A day later the key means something new: names are taken then.
  whole.clock.jump(24 * 3_600_000);
  const later = await calls();
  expect(later.map((one) => one.body.code ?? 'made')).toEqual(['name-taken', 'name-taken', 'name-taken', 'made']);
  expect(later[3]?.body.token).not.toBe(before[3]?.body.token);
});

it('says what a key must be like', async () => {
  for (const key of ['x'.repeat(201), 'with blank', '']) {
    const answer = await create('never', key);
    expect([key.length, answer.status, answer.body.fields?.[0]?.path]).toEqual([
      key.length,
      400,
      'headers.idempotency-key',
    ]);
  }
});
