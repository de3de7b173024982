import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TrustStatement } from '../../protocol/trust.ts';
import { downloaded, given, hired, movedTo, untilCounts } from '../testing/hired-agent.ts';
import { LiveReader } from '../testing/live-reader.ts';
import { enrolSimulated, makeEnrolmentKeys, packageTrust, type SimulatedAgent } from '../testing/simulated-agent.ts';
import { eventually } from '../testing/test-coordinator.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
beforeEach(async () => {
  whole = await startWhole();
});
afterEach(() => whole.stop());

const rotate = () => whole.call('rotateKey');
const retire = (body: object = {}) => whole.call('retireKey', { body });
const view = async () => (await whole.call('getTrust')).body;
const statement = async (): Promise<TrustStatement> =>
  JSON.parse((await whole.request('GET', '/runner/v1/trust', { token: null })).body.statement);

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

it('each state outlives a restart: who believes what, both keys, and the number of the statement', async () => {
  const agents = [await hired(whole, 'one'), await hired(whole, 'two', { learns: false })];
  for (const agent of agents) await agent.connect();
  for (const step of ['nothing', 'rotate', 'retire']) {
    if (step === 'rotate') await rotate();
    if (step === 'retire') await retire({ leaveBehind: true });
    await untilCounts(whole, { current: step === 'nothing' ? 2 : 1, unable: step === 'nothing' ? 0 : 1 });
    const before = await view();
    const { serial } = await statement();
    for (const agent of agents) agent.kill();
    const { folder } = whole;
    whole = await whole.restart();
    expect(whole.folder).toBe(folder);
    const { behind, ...after } = await view();
    expect({ ...after, behind: behind.length }).toEqual({ ...before, behind: before.behind.length });
    expect((await statement()).serial).toBe(serial);
    const [one, two] = agents.map((agent) => movedTo(whole, agent));
    await one?.connect();
    if (step !== 'retire') await two?.connect();
  }
});

describe('a copy of the data folder from before', () => {
  const restored = async (copy: string) => {
    await whole.coordinator.stop();
    await rm(whole.folder, { recursive: true });
    await cp(copy, whole.folder, { recursive: true });
    await rm(copy, { recursive: true });
    whole = await startWhole({ folder: whole.folder, clock: whole.clock });
  };
  const copied = async () => {
    const copy = `${whole.folder}-copy`;
    await whole.coordinator.stop();
    await cp(whole.folder, copy, { recursive: true });
    whole = await startWhole({ folder: whole.folder, clock: whole.clock });
    return copy;
  };

  it('the rotation serves agents that have moved since, and says what they believe', async () => {
    const agent = await hired(whole, 'moved');
    await agent.connect();
    agent.kill();
    const copy = await copied();
    const first = (await view()).key.publicKey;
    const moved = movedTo(whole, agent);
    await moved.connect();
    await rotate();
    await untilCounts(whole, { current: 1 });
    moved.kill();
    await restored(copy);
    expect((await view()).key.publicKey).toBe(first);
    const back = movedTo(whole, moved);
    expect((await back.connect()).publicKey).toBe(first);
    await given(whole, back);
    await untilCounts(whole, { refused: 1 });
    expect(whole.log.join('')).toMatch(/old copy of the data folder/);
    // Another rotation would leave it behind: that is not done without a word.
    await rotate();
    await given(whole, back);
    expect(await retire()).toMatchObject({ status: 409, body: { code: 'key-needed' } });
  });

  it('the retirement is heard by agents whose statement is later', async () => {
    const agent = await hired(whole, 'moved');
    await agent.connect();
    await rotate();
    await untilCounts(whole, { current: 1 });
    agent.kill();
    const copy = await copied();
    const moved = movedTo(whole, agent);
    await moved.connect();
    await retire();
    await untilCounts(whole, { current: 1 });
    const later = moved.trust?.serial ?? 0;
    moved.kill();
    await restored(copy);
    expect((await statement()).serial).toBeLessThan(later);
    const back = movedTo(whole, moved);
    await back.connect();
    await given(whole, back);
    await eventually(async () => (await statement()).serial > later);
    await eventually(() => (back.trust?.serial ?? 0) > later);
    expect((await statement()).keys).toHaveLength(2);
  });
});

describe('a rejection', () => {
  const refusalOf = (agent: SimulatedAgent) => agent.connect().catch((error: unknown) => error);
  const revoke = ({ identity: { runner, replica } }: SimulatedAgent) =>
    whole.call('deleteReplica', { params: { id: runner, replicaId: replica } });

  it('is signed with a key that the agent believes, and brings what it does not know', async () => {
    const agent = await hired(whole, 'gone');
    await agent.connect();
    const [first] = agent.trust?.keys ?? [];
    agent.kill();
    await rotate();
    const stranger = movedTo(whole, agent);
    Object.assign(stranger.identity, { signingKey: makeEnrolmentKeys().signing });
    expect(await refusalOf(stranger)).toMatchObject({ code: 'signature-refused', isProven: true });
    await retire();
    expect((await revoke(agent)).status).toBe(204);
    expect(await refusalOf(agent)).toMatchObject({ code: 'replica-revoked', isProven: true });
    expect(agent.trust?.former).toEqual([first]);
    const unknown = movedTo(whole, agent);
    Object.assign(unknown.identity, { replica: '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10' });
    expect(await refusalOf(unknown)).toMatchObject({ code: 'replica-unknown', isProven: true });
  });

  it('of an open session is signed too: when another process comes, and when its identity is revoked', async () => {
    const agent = await hired(whole, 'twice');
    await agent.connect();
    const copy = movedTo(whole, agent, { instance: 'c'.repeat(43) });
    await copy.connect();
    const superseded = await agent.next('rejected');
    expect([superseded.code, agent.isProven(superseded)]).toEqual(['session-superseded', true]);
    await revoke(copy);
    const revoked = await copy.next('rejected');
    expect([revoked.code, copy.isProven(revoked)]).toEqual(['replica-revoked', true]);
    // It is said to this session alone.
    expect(agent.isProven(revoked)).toBe(false);
  });

  it('is signed for agents of old versions as well, and brings them nothing that they could not read', async () => {
    const agent = await hired(whole, 'silent', { learns: false });
    await agent.connect();
    await revoke(agent);
    const revoked = await agent.next('rejected');
    expect(agent.isProven(revoked)).toBe(true);
    expect(revoked.trust).toBeUndefined();
  });
});

describe('GET /runner/v1/trust', () => {
  it('is open to all, signed, and small; many calls from one address are slowed', async () => {
    await rotate();
    const answer = await whole.request('GET', '/runner/v1/trust', { token: null });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(answer.body.succession).toHaveLength(1);
    expect(JSON.stringify(answer.body).length).toBeLessThan(1000);
    const statuses: number[] = [];
    for (let i = 0; i < 310; i++)
      statuses.push((await whole.request('GET', '/runner/v1/trust', { token: null })).status);
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(5);
    expect(await whole.request('POST', '/runner/v1/trust', { token: null, body: {} })).toMatchObject({ status: 404 });
  });
});

it('signs an operation anew, with a key that is believed then, when it is offered again after the key was retired', async () => {
  const agent = await hired(whole, 'again');
  await agent.connect();
  const { id, operation } = await given(whole, agent);
  // It never took it, and is away while both change.
  agent.kill();
  await untilCounts(whole, { total: 1 });
  await rotate();
  await retire();
  await agent.connect();
  await eventually(async () => {
    whole.clock.advance(1000);
    agent.beat();
    return agent.heard.some(({ type }) => type === 'operation');
  });
  const again = await agent.nextOperation();
  expect([again.execution, again.operation]).toEqual([id, operation.operation]);
  expect(again.attempt).toBeGreaterThan(operation.attempt);
  expect(agent.trust?.keys).toHaveLength(1);
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

describe('what an agent says of what was announced', () => {
  it('is shown and kept when it does not use it, and forgotten with its next word', async () => {
    const agent = await hired(whole, 'unhappy');
    await agent.connect();
    const problem = 'The certificate of the coordinator is not of these authorities.';
    const { keys = [], serial = 0 } = agent.trust ?? {};
    agent.send({ type: 'trust-noted', keys, serial, problem });
    await untilCounts(whole, { refused: 1 });
    expect((await view()).behind).toMatchObject([{ reason: 'refused', detail: problem, connected: true }]);
    whole.clock.advance(500);
    agent.kill();
    whole = await whole.restart();
    await untilCounts(whole, { refused: 1 });
    const back = movedTo(whole, agent);
    await back.connect();
    await untilCounts(whole, { refused: 1 });
    back.send({ type: 'trust-noted', keys, serial, problem: null });
    await untilCounts(whole, { current: 1 });
    expect(whole.log.join('')).not.toContain('"level":50');
  });

  it('cannot make the number of the statement rise again and again, nor beyond all clocks', async () => {
    const agent = await hired(whole, 'liar');
    await agent.connect();
    const before = (await statement()).serial;
    const say = async (serial: number) => {
      agent.kill();
      if (agent.trust !== null) agent.trust = { ...agent.trust, serial };
      await agent.connect();
      agent.send({ type: 'trust-noted', keys: agent.trust?.keys ?? [], serial, problem: null });
      whole.clock.advance(500);
    };
    await say(Number.MAX_SAFE_INTEGER - 1);
    expect((await statement()).serial).toBe(before);
    await say(before + 1000);
    await eventually(async () => (await statement()).serial > before + 1000);
    const risen = (await statement()).serial;
    await say(risen + 1000);
    await given(whole, agent);
    expect((await statement()).serial).toBe(risen);
  });
});
