import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { downloaded, given, hired, trustCalls, untilCounts } from '../testing/hired-agent.ts';
import { LiveReader } from '../testing/live-reader.ts';
import { enrolSimulated, makeEnrolmentKeys, packageTrust } from '../testing/simulated-agent.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
beforeEach(async () => {
  whole = await startWhole();
});
afterEach(() => whole.stop());

const rotate = () => trustCalls(whole).rotate();
const retire = (body: object = {}) => trustCalls(whole).retire(body);
const view = () => trustCalls(whole).view();
const statement = () => trustCalls(whole).statement();

describe('a rotation', () => {
  it('gives connected agents the new key while their work goes on, and signs with it from then on', async () => {
    const [one, two] = [await hired(whole, 'one'), await hired(whole, 'two')];
    for (const agent of [one, two]) await agent.connect();
    const before = (await view()).key.publicKey;
    const work = await given(whole, one);
    const ref = { operation: work.operation.operation, attempt: work.operation.attempt };
    one.send({ type: 'accepted', ...ref });

    const { status, body } = await rotate();
    expect(status).toBe(200);
    expect(body.previousKey).toEqual({ publicKey: before });
    expect(body.key.publicKey).not.toBe(before);
    expect(body.key.since).toBe(new Date(whole.clock.now()).toISOString());
    await untilCounts(whole, { total: 2, current: 2 });
    for (const agent of [one, two]) expect(agent.trust?.keys).toEqual([body.key.publicKey, before]);
    expect((await view()).behind).toEqual([]);
    expect((await whole.call('me')).body.coordinator.publicKey).toBe(body.key.publicKey);

    // Still the same session, with its work; what comes now is signed with the new key alone.
    if (two.trust !== null) two.trust = { ...two.trust, keys: [body.key.publicKey] };
    await given(whole, two);
    expect((await whole.call('getExecution', { params: { id: work.id } })).body.state).not.toBe('lost');
    expect(one.closeCode).toBeNull();

    const retired = await retire();
    expect([retired.status, retired.body.previousKey, retired.body.key.publicKey]).toEqual([
      200,
      null,
      body.key.publicKey,
    ]);
    await untilCounts(whole, { current: 2 });
    expect(one.trust).toMatchObject({ keys: [body.key.publicKey], former: [before] });
    await given(whole, one);
    expect([one.closeCode, two.closeCode]).toEqual([null, null]);
  });

  it('signs for each agent with a key that it believes: also for one that takes no notice, and for one of an old version', async () => {
    const deaf = await hired(whole, 'deaf', { heedsTrust: false });
    const old = await hired(whole, 'old', { learns: false });
    for (const agent of [deaf, old]) await agent.connect();
    // Who is asked whether to rotate can be told before.
    expect((await view()).replicas).toMatchObject({ total: 2, unable: 0, pinned: 1 });
    await rotate();
    for (const agent of [deaf, old]) await given(whole, agent);
    await untilCounts(whole, { total: 2, told: 1, unable: 1 });
    expect((await view()).behind).toMatchObject([
      { runnerName: 'old', reason: 'unable', connected: true },
      { runnerName: 'deaf', reason: 'told', connected: true },
    ]);
    // When they come back as well.
    for (const agent of [deaf, old]) agent.kill();
    await untilCounts(whole, { away: 1 });
    await old.connect();
    await deaf.connect();
    for (const agent of [deaf, old]) await given(whole, agent);
  });

  it('is one at a time', async () => {
    expect(await retire()).toMatchObject({ status: 409, body: { code: 'key-single' } });
    const [one, two] = await Promise.all([rotate(), rotate()]);
    expect([one.status, two.status].toSorted()).toEqual([200, 409]);
    expect(await rotate()).toMatchObject({ status: 409, body: { code: 'key-rotation-open' } });
  });

  it('that cannot be written changes nothing, or is told as it is: the keys and what is said of them never differ', async () => {
    const agent = await hired(whole, 'agent');
    await agent.connect();
    const keys = async () => {
      const { key, previousKey } = await view();
      expect((await statement()).keys).toEqual([key, previousKey].flatMap((one) => one?.publicKey ?? []));
      return (await statement()).keys;
    };
    const before = await keys();
    // A folder where the new file is to be written, as a full disk would: first for one file, then for the other.
    const inTheWay = (name: string) => join(whole.folder, 'keys', `${name}.new`);
    await mkdir(inTheWay('coordinator-keys.json'));
    expect(await rotate()).toMatchObject({
      status: 500,
      body: { code: 'internal', detail: expect.stringContaining('coordinator-keys.json') },
    });
    expect(await keys()).toEqual(before);
    await rm(inTheWay('coordinator-keys.json'), { recursive: true });
    await mkdir(inTheWay('coordinator-ed25519.pem'));
    expect((await rotate()).status).toBe(500);
    const both = await keys();
    expect(both).toEqual([expect.any(String), ...before]);
    await given(whole, agent);
    // The old key is in that file still: it is not called destroyed.
    expect((await retire()).status).toBe(500);
    expect(await keys()).toEqual(both);
    await rm(inTheWay('coordinator-ed25519.pem'), { recursive: true });
    expect((await retire()).status).toBe(200);
    await untilCounts(whole, { current: 1 });
    await given(whole, agent);
  });

  it('made twice with one Idempotency-Key is one', async () => {
    const headers = { 'idempotency-key': 'once' };
    const [one, two] = [await whole.call('rotateKey', { headers }), await whole.call('rotateKey', { headers })];
    expect([one.status, two.status, two.body.key]).toEqual([200, 200, one.body.key]);
  });

  it('is told to the consoles once for many, and stands in the log with who asked for it', async () => {
    const live = await LiveReader.open(whole.url, whole.token);
    const agents = await Promise.all(['a', 'b', 'c', 'd'].map((name) => hired(whole, name)));
    for (const agent of agents) await agent.connect();
    whole.clock.advance(500);
    await live.until(({ topic }) => topic === 'trust');
    live.forget();
    await rotate();
    await untilCounts(whole, { current: 4 });
    whole.clock.advance(500);
    await live.until(({ topic }) => topic === 'trust');
    expect(live.events.filter(({ topic }) => topic === 'trust')).toHaveLength(1);
    live.close();
    expect(whole.log.join('')).toMatch(/"by":"[^"]+","msg":"the signing key was rotated"/);
  });
});

describe('agents that were away', () => {
  it('learn of two rotations at their next connection, and of the end of the keys between', async () => {
    const agent = await hired(whole, 'away');
    await agent.connect();
    agent.kill();
    await untilCounts(whole, { total: 1 });
    const keys = [(await view()).key.publicKey];
    for (let i = 0; i < 2; i++) {
      keys.unshift((await rotate()).body.key.publicKey);
      expect((await view()).behind).toMatchObject([{ reason: 'away', runnerName: 'away', connected: false }]);
      expect(await retire()).toMatchObject({ status: 200 });
    }
    const welcome = await agent.connect();
    expect(welcome.publicKey).toBe(keys[0]);
    expect(agent.trust).toMatchObject({ keys: [keys[0]], former: [keys[1], keys[2]] });
    await untilCounts(whole, { current: 1 });
    await given(whole, agent);
    agent.kill();
    expect((await agent.connect()).trust).toBeUndefined();
  });

  it('enrol with a package from before the rotation, during it and after the key was retired', async () => {
    const packages = [await downloaded(whole, 'during'), await downloaded(whole, 'after')];
    const first = (await view()).key.publicKey;
    const enrol = async (at: number, trust = packageTrust(first)) => {
      const { id, token } = packages[at] ?? { id: '', token: '' };
      return enrolSimulated(whole.url, id, token, makeEnrolmentKeys(), trust);
    };
    const second = (await rotate()).body.key.publicKey;
    const during = await enrol(0);
    expect([during.coordinatorPublicKey, during.trust?.keys]).toEqual([first, [second, first]]);
    await retire();
    const after = await enrol(1);
    expect([after.coordinatorPublicKey, after.trust?.keys]).toEqual([second, [second]]);
  });

  it('of an old version enrol with the key of the package that they came with, while that is taken', async () => {
    const { id, token } = await downloaded(whole, 'old');
    const first = (await view()).key.publicKey;
    const at = whole.clock.now();
    await whole.coordinator.store.write((tx) => tx.updateTable('enrolment').set({ downloaded_at: at }).execute());
    whole.clock.advance(1000);
    await rotate();
    const identity = await enrolSimulated(whole.url, id, token);
    expect(identity.coordinatorPublicKey).toBe(first);
    await untilCounts(whole, { unable: 1 });
  });
});

describe('retiring a key', () => {
  it('is refused while agents know that key alone and cannot learn another, unless they are left behind', async () => {
    const old = await hired(whole, 'old', { learns: false });
    await old.connect();
    await rotate();
    const refused = await retire();
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'key-needed', detail: expect.stringMatching(/^1 replica/) },
    });
    expect((await view()).previousKey).not.toBeNull();
    await given(whole, old);
    expect(await retire({ leaveBehind: true })).toMatchObject({ status: 200, body: { previousKey: null } });
    // It is let finish what it has, and given nothing that it would refuse.
    expect(old.closeCode).toBeNull();
    const tags = { command: 'true', runnerTags: ['old'] };
    const waiting = await whole.call('runAdHoc', { params: { project: 'Welcome' }, body: tags });
    expect(waiting.body.state).toBe('queued');
    old.kill();
    await untilCounts(whole, { unable: 1 });
    await expect(old.connect()).rejects.toThrow(/not signed by the coordinator/);
  });

  it('waits for connected agents that have not moved, and makes those connect again that do not answer', async () => {
    const deaf = await hired(whole, 'deaf', { heedsTrust: false });
    await deaf.connect();
    await rotate();
    const retired = retire();
    await deaf.next('trust');
    await deaf.next('trust');
    expect((await view()).previousKey).not.toBeNull();
    whole.clock.advance(5000);
    expect(await retired).toMatchObject({ status: 200, body: { previousKey: null } });
    expect(await deaf.closed()).toBe(1012);
    await deaf.connect();
    await given(whole, deaf);
    await untilCounts(whole, { current: 1 });
  });

  it('does not wait when all have answered, and destroys the key', async () => {
    const agent = await hired(whole, 'quick');
    await agent.connect();
    const secret = (await readFile(join(whole.folder, 'keys', 'coordinator-ed25519.pem'), 'utf8')).split('\n')[1] ?? '';
    await rotate();
    await retire();
    for (const name of ['coordinator-ed25519.pem', 'coordinator-keys.json']) {
      expect(await readFile(join(whole.folder, 'keys', name), 'utf8')).not.toContain(secret.slice(-32));
    }
  });

  it('names what it does not take', async () => {
    const wrong = await retire({ leaveBehind: 'yes' });
    expect(wrong).toMatchObject({ status: 400, body: { fields: [{ path: 'leaveBehind' }] } });
  });
});

it('agents that poll learn of a new key as well', async () => {
  const agent = await hired(whole, 'polls', { transport: 'polling' });
  await agent.connect();
  await rotate();
  await untilCounts(whole, { current: 1 });
  await given(whole, agent);
  const retired = await retire();
  expect(retired.status).toBe(200);
  await untilCounts(whole, { current: 1 });
  expect(agent.trust?.keys).toEqual([retired.body.key.publicKey]);
  agent.kill();
});
