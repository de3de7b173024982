import { afterEach, beforeEach, expect, it } from 'vitest';
import { EPHEMERAL_GONE_AFTER_MS } from '../../protocol/status.ts';
import { downloaded, hired, untilCounts } from '../testing/hired-agent.ts';
import { LiveReader } from '../testing/live-reader.ts';
import { enrolSimulated, makeEnrolmentKeys, packageTrust, type SimulatedAgent } from '../testing/simulated-agent.ts';
import { eventually } from '../testing/test-coordinator.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

/** Who looks at the counts of *Keys and certificates* reads them again when an event says so, and at no other time. */

let whole: WholeCoordinator;
let live: LiveReader;
let stays: SimulatedAgent;
beforeEach(async () => {
  whole = await startWhole();
  stays = await hired(whole, 'stays');
  await stays.connect();
  await untilCounts(whole, { current: 1 });
});
afterEach(async () => {
  live.close();
  stays.kill();
  await whole.stop();
});

/** Begins to look. What happened before is over: nothing of it is said any more. */
async function look(): Promise<void> {
  whole.clock.advance(500);
  live = await LiveReader.open(whole.url, whole.token);
  live.forget();
}

/** The counts, as they are read by who hears that they have changed. */
async function nextCounts() {
  // So long changes are gathered.
  whole.clock.advance(500);
  await live.until(({ topic }) => topic === 'trust');
  return (await whole.call('getTrust')).body.replicas;
}

/** A replica that was connected once, and is away now. */
async function away(name: string, mode: 'single' | 'ephemeral' = 'single'): Promise<SimulatedAgent> {
  const agent = await hired(whole, name);
  const params = { id: agent.identity.runner };
  if (mode !== 'single') {
    await whole.coordinator.store.write((tx) =>
      tx.updateTable('runner').set({ replica_mode: mode }).where('id', '=', params.id).execute(),
    );
    await whole.call('updateRunner', { params, body: { description: mode } });
  }
  await agent.connect();
  await untilCounts(whole, { current: 2 });
  await leaves(agent);
  return agent;
}

async function leaves(agent: SimulatedAgent): Promise<void> {
  agent.kill();
  await eventually(async () => {
    const { replicas } = (await whole.call('getRunner', { params: { id: agent.identity.runner } })).body;
    return replicas.every(({ connected }: { connected: boolean }) => !connected);
  });
}

it.each([
  ['its Runner is deleted', 'deleteRunner', {}],
  ['new credentials are made for its Runner', 'createEnrolment', { body: { revoke: true } }],
] as const)('a replica that is away is counted no more as soon as %s', async (_, route, given) => {
  const { identity } = await away('gone');
  await look();
  expect((await whole.call(route, { params: { id: identity.runner }, ...given })).status).toBeLessThan(300);
  expect(await nextCounts()).toMatchObject({ total: 1, current: 1 });
});

it('a replica that is away is counted no more as soon as it is removed', async () => {
  const { identity } = await away('gone');
  await look();
  const params = { id: identity.runner, replicaId: identity.replica };
  expect((await whole.call('deleteReplica', { params })).status).toBe(204);
  expect(await nextCounts()).toMatchObject({ total: 1, current: 1 });
});

it('a replica whose orchestrator has made another is counted no more when it has been silent for long', async () => {
  await away('gone', 'ephemeral');
  // Else its silence would end its session, which is said anyway.
  await leaves(stays);
  whole.clock.advance(EPHEMERAL_GONE_AFTER_MS);
  await look();
  whole.clock.advance(30_000);
  await eventually(async () => (await whole.call('getTrust')).body.replicas.total === 1);
  expect(await nextCounts()).toMatchObject({ total: 1 });
});

it('a replica is counted as soon as it has enrolled, also before it connects, and in the place of another one', async () => {
  const { identity } = await away('gone');
  const renewed = await whole.call('createEnrolment', { params: { id: identity.runner }, body: { revoke: false } });
  const { id, config, token } = await downloaded(whole, 'fresh');
  const trust = packageTrust(config.coordinator.publicKey);
  await look();
  await enrolSimulated(whole.url, id, token, makeEnrolmentKeys(), trust);
  expect(await nextCounts()).toMatchObject({ total: 3, current: 2, away: 1 });
  live.forget();
  await enrolSimulated(whole.url, identity.runner, renewed.body.token, makeEnrolmentKeys());
  expect(await nextCounts()).toMatchObject({ total: 3, away: 1 });
});
