import { afterAll, beforeAll, expect, it } from 'vitest';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
beforeAll(async () => {
  whole = await startWhole();
});
afterAll(() => whole.stop());

const create = (body: object) => whole.call('createProject', { body });

it('makes a project, with its name as label when none is given, and finds it however it is written', async () => {
  const { status, body } = await create({ name: 'Web.Shop-1' });
  expect([status, body]).toEqual([
    201,
    {
      name: 'Web.Shop-1',
      label: 'Web.Shop-1',
      description: '',
      selection: 'automatic',
      createdAt: new Date(whole.clock.now()).toISOString(),
      jobs: 0,
      runners: 0,
      running: 0,
    },
  ]);
  expect((await whole.call('getProject', { params: { project: 'WEB.shop-1' } })).body).toEqual(body);
});

it('refuses a name that is taken, and says which', async () => {
  await create({ name: 'Taken' });
  expect(await create({ name: 'TAKEN' })).toMatchObject({
    status: 409,
    body: { code: 'name-taken', fields: [{ path: 'name', message: 'There is a project “Taken” already.' }] },
  });
  const answers = await Promise.all([create({ name: 'race' }), create({ name: 'race' })]);
  expect(answers.map((one) => one.status).sort()).toEqual([201, 409]);
});

it('changes what is given and leaves the rest; the name stays', async () => {
  await create({ name: 'changed', label: 'Old', description: 'text' });
  const change = (body: object) => whole.call('updateProject', { params: { project: 'changed' }, body });
  expect((await change({ label: 'New' })).body).toMatchObject({ label: 'New', description: 'text' });
  expect((await change({ selection: 'manual' })).body).toMatchObject({ label: 'New', selection: 'manual' });
  expect(await change({ name: 'other' })).toMatchObject({ status: 400, body: { fields: [{ path: 'name' }] } });
  expect((await change({})).status).toBe(200);
});

it('finds and orders projects, page by page', async () => {
  for (const name of ['list-2', 'list-10', 'LIST-1']) await create({ name, label: `Needle ${name.length}` });
  const list = async (query: Record<string, unknown>) => (await whole.call('listProjects', { query })).body;
  const names = async (query: Record<string, unknown>) =>
    (await list({ search: 'needle', ...query })).items.map((one: { name: string }) => one.name);
  expect(await names({})).toEqual(['LIST-1', 'list-2', 'list-10']);
  expect(await names({ sort: '-name' })).toEqual(['list-10', 'list-2', 'LIST-1']);
  expect(await names({ sort: '-label' })).toEqual(
    ['list-10', 'list-1', 'list-2'].map((name) => (name === 'list-1' ? 'LIST-1' : name)),
  );
  const first = await list({ search: 'NEEDLE', limit: 2 });
  expect(first.total).toBe(3);
  expect((await list({ search: 'needle', limit: 2, cursor: first.next })).items).toMatchObject([{ name: 'list-10' }]);
});

it('refuses to delete a project whose execution has not ended, and takes its jobs along otherwise', async () => {
  await create({ name: 'busy' });
  const job = { name: 'j', workflow: { steps: [{ type: 'command', command: 'true' }] } };
  const { id } = (await whole.call('createJob', { params: { project: 'busy' }, body: job })).body;
  expect((await whole.call('getProject', { params: { project: 'busy' } })).body.jobs).toBe(1);
  const execution = (await whole.call('runJob', { params: { id }, body: {} })).body;
  const remove = () => whole.call('deleteProject', { params: { project: 'busy' } });
  expect(await remove()).toMatchObject({ status: 409, body: { code: 'project-not-empty' } });
  expect((await whole.call('cancelExecution', { params: { id: execution.id }, body: {} })).body.state).toBe('aborted');
  expect((await remove()).status).toBe(204);
  expect((await whole.call('getJob', { params: { id } })).status).toBe(404);
  expect((await whole.call('getExecution', { params: { id: execution.id } })).body).toMatchObject({
    project: 'busy',
    state: 'aborted',
  });
});
