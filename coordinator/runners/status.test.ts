import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Runner } from '../../protocol/api/runners.ts';
import { JournalWriter } from '../testing/journal-records.ts';
import { LiveReader } from '../testing/live-reader.ts';
import { enrolSimulated, SimulatedAgent } from '../testing/simulated-agent.ts';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
let live: LiveReader;
beforeEach(async () => {
  whole = await startWhole();
  live = await LiveReader.open(whole.url, whole.token);
});
afterEach(async () => {
  live.close();
  await whole.stop();
});

async function create(more: Record<string, unknown> = {}) {
  const { body } = await whole.call('createRunner', { body: newRunner('web', more) });
  return { id: String(body.runner.id), token: String(body.enrolment.token) };
}

async function enrolled(more: Record<string, unknown> = {}) {
  const { id, token } = await create(more);
  const identity = await enrolSimulated(whole.url, id, token);
  return { id, identity, agent: new SimulatedAgent(identity, { now: () => whole.clock.now() }) };
}

/** The first event, past or to come, that shows the Runner so. */
async function announced(id: string, fits: (runner: Runner) => boolean): Promise<Runner> {
  // Changes are let out four times a second: whatever happened before is out after two of these.
  whole.clock.advance(250);
  whole.clock.advance(250);
  const event = await live.until(
    (one) => one.topic === 'runner' && one.id === id && one.action !== 'deleted' && fits(one.runner),
  );
  if (event.topic !== 'runner' || event.action === 'deleted') throw new Error('This event shows a Runner.');
  return event.runner;
}

it('is never shown Healthy without the replica that makes it so', async () => {
  const { id, agent } = await enrolled();
  await agent.connect();
  const { body } = await whole.call('getRunner', { params: { id } });
  expect(body).toMatchObject({ status: 'Healthy', replicas: [{ id: agent.identity.replica, connected: true }] });
});

/** The Runner once it can be read so and consoles were told. For what agents set off, which takes its own time. */
async function heard(id: string, fits: (runner: Runner) => boolean): Promise<Runner> {
  // New replicas are read from the tables when the gateway next announces them.
  whole.clock.advance(250);
  while (!fits(await get(id)));
  return announced(id, fits);
}

const get = async (id: string): Promise<Runner> => (await whole.call('getRunner', { params: { id } })).body;

it('tells consoles each step from creation to the green check', async () => {
  const { id, token } = await create();
  expect(await heard(id, () => true)).toMatchObject({ status: 'New', enrolment: { state: 'open' } });
  live.forget();
  const identity = await enrolSimulated(whole.url, id, token);
  expect(await heard(id, (runner) => runner.replicas.length === 1)).toMatchObject({
    status: 'New',
    enrolment: { state: 'used' },
    replicas: [{ id: identity.replica, hostname: 'simulated', connected: false }],
  });
  live.forget();
  const agent = new SimulatedAgent(identity, { now: () => whole.clock.now() });
  await agent.connect();
  const green = await heard(id, (runner) => runner.status === 'Healthy');
  expect(green).toMatchObject({ platform: 'linux-x64', load: { running: 0, maximum: 50 }, reconnecting: false });
  expect((await whole.call('listRunners', { query: { search: 'simulated', status: 'Healthy' } })).body.total).toBe(1);
});

it('announces Unknown after 30 s and Down after 120 s of silence by itself, and keeps since when over a restart', async () => {
  const { id, agent } = await enrolled();
  await agent.connect();
  await heard(id, (runner) => runner.status === 'Healthy');
  const lastSeen = Date.parse((await get(id)).lastCheckin ?? '');
  agent.kill();
  while ((await get(id)).replicas[0]?.connected);
  live.forget();
  whole.clock.advance(lastSeen + 30_000 - whole.clock.now());
  expect((await get(id)).status).toBe('Healthy');
  whole.clock.advance(1);
  const unknown = await announced(id, (runner) => runner.status === 'Unknown');
  expect(unknown.statusSince).toBe(new Date(lastSeen + 30_001).toISOString());
  whole.clock.advance(lastSeen + 120_000 - whole.clock.now());
  expect((await get(id)).status).toBe('Unknown');
  whole.clock.advance(1);
  const down = await announced(id, (runner) => runner.status === 'Down');
  expect(down).toMatchObject({ reconnecting: false, statusSince: new Date(lastSeen + 120_001).toISOString() });
  whole.clock.advance(3_600_000);
  whole = await whole.restart();
  expect(await get(id)).toMatchObject({ status: 'Down', statusSince: down.statusSince });
});

it('shows a closed connection at once beside a status that follows its own times', async () => {
  const { id, agent } = await enrolled();
  await agent.connect();
  await heard(id, (runner) => runner.status === 'Healthy');
  agent.kill();
  let seen = await get(id);
  while (seen.replicas[0]?.connected) seen = await get(id);
  expect(seen).toMatchObject({
    status: 'Healthy',
    reconnecting: true,
    statusReason: expect.stringContaining('closed'),
  });
  await heard(id, (runner) => runner.reconnecting);
});

it('is Down at once when the agent says good-bye, and Healthy again when it is back', async () => {
  const { id, agent } = await enrolled();
  await agent.connect();
  await heard(id, (runner) => runner.status === 'Healthy');
  live.forget();
  agent.send({ type: 'goodbye', reason: 'stopped' });
  let seen = await get(id);
  while (seen.status !== 'Down') seen = await get(id);
  expect(seen.statusReason).toContain('good-bye');
  agent.kill();
  await agent.connect();
  await heard(id, (runner) => runner.status === 'Healthy');
});

it('cuts the present agent off when credentials are regenerated, and when its replica is retired', async () => {
  const { id, agent, identity } = await enrolled();
  await agent.connect();
  expect((await whole.call('createEnrolment', { params: { id }, body: { revoke: true } })).status).toBe(201);
  expect(await agent.next('rejected')).toMatchObject({ code: 'replica-revoked' });
  await agent.closed();
  expect(await get(id)).toMatchObject({ status: 'New', replicas: [], enrolment: { state: 'open' } });
  await expect(agent.connect()).rejects.toMatchObject({ code: 'replica-revoked' });
  const params = { id, replicaId: identity.replica };
  expect(await whole.call('deleteReplica', { params })).toMatchObject({ status: 404 });
  const token = (await whole.call('createEnrolment', { params: { id }, body: {} })).body.token;
  const second = await enrolSimulated(whole.url, id, token);
  expect((await whole.call('deleteReplica', { params: { id, replicaId: second.replica } })).status).toBe(204);
  expect((await get(id)).replicas).toEqual([]);
});

it('shows why agents were turned away, the last ten, newest first', async () => {
  const { id, token } = await create();
  await enrolSimulated(whole.url, id, token);
  for (let n = 0; n < 12; n++)
    await expect(enrolSimulated(whole.url, id, token)).rejects.toMatchObject({ code: 'enrolment-token-used' });
  const { refusals } = await get(id);
  expect(refusals).toHaveLength(10);
  expect(refusals[0]).toMatchObject({ code: 'enrolment-token-used', address: '127.0.0.1' });
  whole = await whole.restart();
  expect((await get(id)).refusals).toEqual(refusals);
});

it('slows down who tries enrolments with made-up tokens', async () => {
  const { id } = await create();
  const codes = new Set<string>();
  for (let n = 0; n < 40; n++) {
    const made = `ore_${String(n).padStart(43, 'x')}`;
    await enrolSimulated(whole.url, id, made).catch((error: { code: string }) => codes.add(error.code));
  }
  expect([...codes]).toEqual(['enrolment-token-unknown', 'too-many-requests']);
});

it('pings the agent, and says so when nobody answers', async () => {
  const { id, agent, identity } = await enrolled();
  expect(await whole.call('pingRunner', { params: { id } })).toMatchObject({
    status: 504,
    body: { code: 'runner-unreachable' },
  });
  await agent.connect();
  const asked = whole.call('pingRunner', { params: { id } });
  // The coordinator asks one ping of its own when an agent connects.
  for (let n = 0; n < 2; n++) {
    const { id: ping } = await agent.next('ping');
    agent.send({ type: 'pong', id: ping });
  }
  expect(await asked).toMatchObject({
    status: 200,
    body: { replica: identity.replica, roundTripMs: expect.any(Number) },
  });
});

it('refuses to delete a Runner whose agent has work, unless forced', async () => {
  const { id, agent } = await enrolled();
  await agent.connect();
  agent.beat([{ operation: '7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10', attempt: 1 }]);
  let seen = await get(id);
  while (seen.load.running === 0) seen = await get(id);
  expect(await whole.call('deleteRunner', { params: { id } })).toMatchObject({
    status: 409,
    body: { code: 'runner-has-work' },
  });
  expect((await whole.call('deleteRunner', { params: { id }, query: { force: 'true' } })).status).toBe(204);
  await agent.closed();
  await live.until((event) => event.topic === 'runner' && event.action === 'deleted' && event.id === id);
});

it('forgets replicas of an ephemeral Runner after ten minutes of silence, and keeps those of others', async () => {
  for (const [replicas, left] of [
    ['ephemeral', 0],
    ['several', 1],
  ] as const) {
    const { body } = await whole.call('createRunner', { body: newRunner(`r ${replicas}`, { replicas }) });
    const id = String(body.runner.id);
    const agent = new SimulatedAgent(await enrolSimulated(whole.url, id, body.enrolment.token), {
      now: () => whole.clock.now(),
    });
    await agent.connect();
    agent.kill();
    let seen = await get(id);
    while (seen.replicas[0]?.connected) seen = await get(id);
    whole.clock.advance(600_000 + 60_000);
    // What the clock set off is written before this is.
    await whole.call('createSignInLink');
    await whole.call('createSignInLink');
    expect([replicas, (await get(id)).replicas.length]).toEqual([replicas, left]);
  }
});

it('drains: takes no new work, lets what runs end, then rests, with the reason still there', async () => {
  const { id, agent } = await enrolled();
  await agent.connect();
  const run = { command: 'true' };
  const first = (await whole.call('runAdHoc', { params: { project: 'Welcome' }, body: run })).body;
  const operation = await agent.nextOperation();
  const ref = { operation: operation.operation, attempt: operation.attempt };
  agent.send({ type: 'accepted', ...ref });
  await whole.call('setRunnerMode', { params: { id }, body: { mode: 'draining', reason: 'kernel update' } });
  const second = (await whole.call('runAdHoc', { params: { project: 'Welcome' }, body: run })).body;
  expect((await whole.call('getWaiting', { params: { id: second.id } })).body.runners).toMatchObject([
    { rule: 'mode', detail: 'It is draining: kernel update.' },
  ]);
  expect((await get(id)).mode).toBe('draining');
  agent.sendRecords(ref.operation, ref.attempt, new JournalWriter(operation, () => whole.clock.now()).whole());
  let seen = await get(id);
  while (seen.mode === 'draining') {
    // The agent's own figures say it is idle as soon as it beats.
    agent.beat();
    whole.clock.advance(250);
    seen = await get(id);
  }
  expect(seen).toMatchObject({ mode: 'paused', modeReason: 'kernel update' });
  expect((await whole.call('getExecution', { params: { id: first.id } })).body.state).toBe('succeeded');
  await whole.call('setRunnerMode', { params: { id }, body: { mode: 'active' } });
  expect((await agent.nextOperation()).execution).toBe(second.id);
});
