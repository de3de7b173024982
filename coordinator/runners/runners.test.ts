import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
beforeAll(async () => {
  whole = await startWhole();
});
afterAll(() => whole.stop());

async function create(name: string, more: Record<string, unknown> = {}) {
  const answer = await whole.call('createRunner', { body: newRunner(name, more) });
  if (answer.status !== 201) throw new Error(`${name} was not made: ${JSON.stringify(answer.body)}`);
  return answer.body as { runner: { id: string; name: string }; enrolment: { token: string; expiresAt: string } };
}
const get = async (id: string) => (await whole.call('getRunner', { params: { id } })).body;

describe('making a Runner', () => {
  it('gives it with a single-use token that expires, and shows it as New', async () => {
    const { runner, enrolment } = await create('  Web 1 ', {
      description: ' line one\nline two ',
      tags: ['Linux', 'prod'],
      tokenHours: 1,
    });
    expect(runner).toMatchObject({
      name: 'Web 1',
      description: 'line one\nline two',
      tags: ['Linux', 'prod'],
      projects: [{ project: 'Welcome', asNode: true, remoteDispatch: false, nodeFilter: '.*' }],
      status: 'New',
      mode: 'active',
      replicaMode: 'single',
      maxOperations: 50,
      lastCheckin: null,
      replicas: [],
      refusals: [],
      enrolment: { state: 'open', usedAt: null, downloadedAt: null },
    });
    expect(enrolment.token).toMatch(/^ore_[\w-]{43}$/);
    expect(Date.parse(enrolment.expiresAt)).toBe(whole.clock.now() + 3_600_000);
    expect(await get(runner.id)).toEqual(runner);
    whole.clock.jump(3_600_000);
    expect((await get(runner.id)).enrolment.state).toBe('expired');
  });

  it('refuses a name that another has, however it is written, and says which', async () => {
    await create('Straße');
    for (const name of ['Straße', 'straße', ' STRAßE ', 'ｓtraße']) {
      expect(await whole.call('createRunner', { body: newRunner(name) })).toMatchObject({
        status: 409,
        body: { code: 'name-taken', fields: [{ path: 'name', message: 'There is a Runner “Straße” already.' }] },
      });
    }
    const check = (name: string) => whole.call('checkRunnerName', { params: { name } });
    expect((await check('STRASSE')).body).toEqual({ free: true, runner: null });
    expect((await check('straße')).body).toMatchObject({ free: false, runner: { name: 'Straße' } });
  });

  it('names each project that is not there, and leaves nothing behind', async () => {
    const projects = [{ project: 'Welcome' }, { project: 'Nowhere' }, { project: 'Elsewhere' }];
    expect(await whole.call('createRunner', { body: newRunner('lost', { projects }) })).toMatchObject({
      status: 400,
      body: { code: 'invalid-input', fields: [{ path: 'projects.1.project' }, { path: 'projects.2.project' }] },
    });
    expect((await whole.call('checkRunnerName', { params: { name: 'lost' } })).body.free).toBe(true);
  });

  it('makes one of two that ask for the same name at the same moment', async () => {
    const answers = await Promise.all([1, 2].map(() => whole.call('createRunner', { body: newRunner('racing') })));
    expect(answers.map((one) => one.status).sort()).toEqual([201, 409]);
  });
});

describe('changing a Runner', () => {
  it('changes what is given and leaves the rest', async () => {
    const { runner } = await create('to change', { tags: ['a', 'b'] });
    const change = (body: object) => whole.call('updateRunner', { params: { id: runner.id }, body });
    expect((await change({ description: 'new' })).body).toMatchObject({
      name: 'to change',
      description: 'new',
      tags: ['a', 'b'],
    });
    expect((await change({ tags: ['c'], projects: [] })).body).toMatchObject({
      description: 'new',
      tags: ['c'],
      projects: [],
    });
    expect((await change({ name: 'TO change' })).body.name).toBe('TO change');
    expect((await change({})).status).toBe(200);
    expect(await change({ name: 'racing' })).toMatchObject({ status: 409, body: { code: 'name-taken' } });
    expect(await change({ tags: [] })).toMatchObject({ status: 400 });
    expect(await change({ name: 'not kept', projects: [{ project: 'Nowhere' }] })).toMatchObject({
      status: 400,
      body: { fields: [{ path: 'projects.0.project' }] },
    });
    expect(await get(runner.id)).toMatchObject({ name: 'TO change', tags: ['c'] });
  });

  it('counts tags under their first spelling', async () => {
    await create('tagged 1', { tags: ['Berlin', 'x1'] });
    await create('tagged 2', { tags: ['BERLIN'] });
    const { body } = await whole.call('listTags');
    expect(body).toMatchObject({ Berlin: 2, x1: 1 });
    expect(body.BERLIN).toBeUndefined();
  });

  it('loses the assignment when its project is deleted', async () => {
    await whole.call('createProject', { body: { name: 'Gone' } });
    const { runner } = await create('assigned', { projects: [{ project: 'gone' }, { project: 'Welcome' }] });
    expect((await whole.call('getProject', { params: { project: 'gone' } })).body.runners).toBe(1);
    expect((await whole.call('deleteProject', { params: { project: 'GONE' } })).status).toBe(204);
    expect((await get(runner.id)).projects.map((one: { project: string }) => one.project)).toEqual(['Welcome']);
  });
});

describe('modes', () => {
  it('need a reason, say who and since when, and end by themselves at their time', async () => {
    const { runner } = await create('paused');
    const mode = (body: object) => whole.call('setRunnerMode', { params: { id: runner.id }, body });
    expect(await mode({ mode: 'paused' })).toMatchObject({ status: 400, body: { fields: [{ path: 'reason' }] } });
    const past = new Date(whole.clock.now()).toISOString();
    expect(await mode({ mode: 'paused', reason: 'x', until: past })).toMatchObject({
      status: 400,
      body: { fields: [{ path: 'until' }] },
    });
    const until = new Date(whole.clock.now() + 60_000).toISOString();
    expect((await mode({ mode: 'paused', reason: 'kernel', until })).body).toMatchObject({
      mode: 'paused',
      modeReason: 'kernel',
      modeBy: 'owner',
      modeUntil: until,
      modeSince: new Date(whole.clock.now()).toISOString(),
    });
    whole = await whole.restart();
    whole.clock.advance(59_999);
    expect((await get(runner.id)).mode).toBe('paused');
    whole.clock.advance(1);
    // The end is written like any other change; the next write stands behind it.
    await create('after the pause');
    await becomes(async () => (await get(runner.id)).mode, 'active');
    expect(await get(runner.id)).toMatchObject({ modeReason: null, modeBy: null, modeUntil: null, modeSince: null });
  });

  it('ended while the coordinator was away, end when it is back', async () => {
    const { runner } = await create('paused over night');
    const until = new Date(whole.clock.now() + 60_000).toISOString();
    await whole.call('setRunnerMode', { params: { id: runner.id }, body: { mode: 'paused', reason: 'night', until } });
    whole.clock.jump(120_000);
    whole = await whole.restart();
    await becomes(async () => (await get(runner.id)).mode, 'active');
  });

  it('draining becomes paused when nothing is left to do', async () => {
    const { runner } = await create('drained');
    await whole.call('setRunnerMode', { params: { id: runner.id }, body: { mode: 'draining', reason: 'move' } });
    await becomes(async () => (await get(runner.id)).mode, 'paused');
    expect(await get(runner.id)).toMatchObject({ modeReason: 'move' });
    expect((await whole.call('setRunnerMode', { params: { id: runner.id }, body: { mode: 'active' } })).body.mode).toBe(
      'active',
    );
  });
});

describe('credentials', () => {
  it('of a single Runner: a new token makes the one before worthless', async () => {
    const { runner, enrolment } = await create('renewed');
    const again = await whole.call('createEnrolment', { params: { id: runner.id }, body: {} });
    expect(again.status).toBe(201);
    expect(again.body.token).not.toBe(enrolment.token);
    const states = await whole.coordinator.store.read
      .selectFrom('enrolment')
      .select(['revoked_at'])
      .where('runner_id', '=', runner.id)
      .orderBy('created_at')
      .execute();
    expect(states.filter((one) => one.revoked_at === null)).toHaveLength(1);
    expect((await get(runner.id)).enrolment.state).toBe('open');
  });

  it('of a Runner with several replicas: each waiting host keeps its token, until all are revoked', async () => {
    const { runner } = await create('several', { replicas: 'several' });
    const open = () =>
      whole.coordinator.store.read
        .selectFrom('enrolment')
        .select('id')
        .where('runner_id', '=', runner.id)
        .where('revoked_at', 'is', null)
        .execute();
    await whole.call('createEnrolment', { params: { id: runner.id }, body: {} });
    expect(await open()).toHaveLength(2);
    await whole.call('createEnrolment', { params: { id: runner.id }, body: { revoke: true } });
    expect(await open()).toHaveLength(1);
  });
});

describe('the list', () => {
  it('finds by name, description, tag and project, in any order, page by page', async () => {
    await whole.call('createProject', { body: { name: 'Lab' } });
    for (const [index, name] of ['lab-2', 'lab-10', 'LAB-1'].entries()) {
      await create(name, {
        description: `text ${index} needle`,
        tags: [index === 0 ? 'One' : 'two', 'lab'],
        projects: [{ project: 'lab' }],
      });
    }
    const names = async (query: object) => {
      const { body } = await whole.call('listRunners', { query: { project: 'LAB', ...query } });
      return body.items.map((one: { name: string }) => one.name);
    };
    expect(await names({})).toEqual(['LAB-1', 'lab-2', 'lab-10']);
    expect(await names({ sort: '-name' })).toEqual(['lab-10', 'lab-2', 'LAB-1']);
    expect(await names({ sort: 'createdAt' })).toHaveLength(3);
    expect(await names({ search: 'TEXT 1' })).toEqual(['lab-10']);
    expect(await names({ tag: 'ONE' })).toEqual(['lab-2']);
    expect(await names({ status: 'New' })).toHaveLength(3);
    expect(await names({ status: 'Healthy' })).toEqual([]);
    expect(await names({ mode: 'paused' })).toEqual([]);
    const first = (await whole.call('listRunners', { query: { project: 'lab', limit: 2 } })).body;
    expect(first).toMatchObject({ total: 3, items: [{ name: 'LAB-1' }, { name: 'lab-2' }] });
    const second = (await whole.call('listRunners', { query: { project: 'lab', limit: 2, cursor: first.next } })).body;
    expect(second).toMatchObject({ total: 3, next: null, items: [{ name: 'lab-10' }] });
  });

  it.each([
    'name',
    '-name',
    'description',
    '-description',
    'status',
    '-status',
    'lastCheckin',
    '-lastCheckin',
    'version',
    '-version',
    'platform',
    '-platform',
    'load',
    '-load',
    'projects',
    '-projects',
    'createdAt',
    '-createdAt',
  ])('can be ordered by %s', async (sort) => {
    const { body, status } = await whole.call('listRunners', { query: { sort } });
    expect(status).toBe(200);
    expect(body.items).toHaveLength(body.total);
  });
});

describe('deleting', () => {
  it('removes the Runner with its tokens and frees its name', async () => {
    const { runner } = await create('deleted');
    expect((await whole.call('deleteRunner', { params: { id: runner.id } })).status).toBe(204);
    expect((await whole.call('getRunner', { params: { id: runner.id } })).status).toBe(404);
    const left = await whole.coordinator.store.read
      .selectFrom('enrolment')
      .select('id')
      .where('runner_id', '=', runner.id)
      .execute();
    expect(left).toEqual([]);
    await create('deleted');
  });
});

/** Waits for a change that follows on its own soon, each time letting what is under way go on. */
async function becomes(read: () => Promise<unknown>, wanted: unknown): Promise<void> {
  let seen: unknown;
  for (let turn = 0; turn < 100; turn++) {
    seen = await read();
    if (seen === wanted) return;
  }
  throw new Error(`It stayed ${String(seen)} and did not become ${String(wanted)}.`);
}
