import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { LiveEvent } from '../../protocol/api/live.ts';
import type { Upgrade } from '../../protocol/api/upgrades.ts';
import type { UpgradePhase } from '../../protocol/upgrade.ts';
import { LiveReader } from '../testing/live-reader.ts';
import { enrolSimulated, SimulatedAgent } from '../testing/simulated-agent.ts';
import { writeSmallRelease } from '../testing/small-release.ts';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';
import { GATHER_MS } from './upgrade-news.ts';

type UpgradeEvent = Extract<LiveEvent, { topic: 'upgrade' }>;

/** A coordinator that hands out 9.0.0, and so many connected agents of as many Runners. */
async function fleet(count: number) {
  const agentsDir = await mkdtemp(join(tmpdir(), 'outrunner-upgrades-'));
  await writeSmallRelease(agentsDir, Buffer.from('an agent'), ['linux-x64'], '9.0.0');
  const whole = await startWhole({ settings: { agentsDir } });
  onTestFinished(async () => {
    await whole.stop();
    await rm(agentsDir, { recursive: true });
  });
  const agents: SimulatedAgent[] = [];
  for (let at = 0; at < count; at++) {
    const { body } = await whole.call('createRunner', { body: newRunner(`host-${at}`) });
    const identity = await enrolSimulated(whole.url, body.runner.id, body.enrolment.token);
    const agent = new SimulatedAgent(identity, { now: whole.clock.now, upgradable: { can: true, why: '' } });
    await agent.connect();
    agents.push(agent);
  }
  return { whole, agents };
}

async function read(whole: WholeCoordinator, id: string, query = {}): Promise<Upgrade> {
  return (await whole.call('getUpgrade', { params: { id }, query })).body;
}

/** What a console shows that has read `first` and heard these events since. */
function heardUpon(first: Upgrade, events: readonly UpgradeEvent[]): Upgrade {
  return events
    .filter(({ upgrade }) => upgrade.revision > first.revision)
    .reduce((shown, { upgrade, replicas }) => {
      expect(upgrade.revision).toBe(shown.revision + 1);
      const changed = new Map(replicas.map((one) => [one.replica, one]));
      return { ...upgrade, replicas: shown.replicas.map((one) => ({ ...one, ...changed.get(one.replica) })) };
    }, first);
}

test('consoles hear what changed, twice a second at most, and have in the end what stands there', async () => {
  const { whole, agents } = await fleet(6);
  const live = await LiveReader.open(whole.url, whole.token);
  await live.untilBeats(1);
  const events = () => live.events.filter((event): event is UpgradeEvent => event.topic === 'upgrade');
  const { id } = (await whole.call('createUpgrade', { body: {} })).body as Upgrade;
  const first = await read(whole, id);
  expect(first.counts).toMatchObject({ downloading: 6, pending: 0, 'checked-in': 0 });

  const orders = await Promise.all(agents.map((agent) => agent.next('upgrade')));
  const say = async (at: number, phase: UpgradePhase, received = 0) => {
    const report = { upgrade: orders[at]?.upgrade ?? '', phase, version: '9.0.0', detail: '', received, total: 100 };
    agents[at]?.send({ type: 'upgrade-report', ...report });
    const replica = agents[at]?.identity.replica;
    const arrived = async () => (await read(whole, id)).replicas.find((one) => one.replica === replica);
    await expect.poll(arrived).toMatchObject({ phase, received });
  };
  for (const at of agents.keys()) await say(at, 'downloading', 50);
  expect(events().length, 'time stands still').toBeLessThanOrEqual(1);
  whole.clock.advance(GATHER_MS);
  const second = await live.until((event) => event.topic === 'upgrade' && event.upgrade.revision === 2);
  expect(second).toMatchObject({ replicas: agents.map(() => ({ phase: 'downloading', received: 50 })) });
  whole.clock.advance(GATHER_MS);

  // One alone: nothing is said of the others.
  await say(0, 'waiting');
  await live.until((event) => event.topic === 'upgrade' && event.upgrade.revision === 3);
  expect(events().at(-1)).toMatchObject({
    upgrade: { counts: { downloading: 5, waiting: 1 } },
    replicas: [{ replica: agents[0]?.identity.replica, phase: 'waiting' }],
  });
  for (const phase of ['waiting', 'switching', 'checked-in'] as const) {
    for (const at of agents.keys()) if (at > 0 || phase !== 'waiting') await say(at, phase);
    whole.clock.advance(GATHER_MS);
  }
  await expect
    .poll(async () => {
      whole.clock.advance(GATHER_MS);
      return (await read(whole, id)).state;
    })
    .toBe('finished');
  whole.clock.advance(GATHER_MS);
  await live.until((event) => event.topic === 'upgrade' && event.upgrade.state === 'finished');
  expect(heardUpon(first, events())).toEqual(await read(whole, id));
  live.close();
});

test('lists count the replicas and do not bring them; of one upgrade those of one Runner can be had', async () => {
  const { whole, agents } = await fleet(3);
  const { id } = (await whole.call('createUpgrade', { body: { rings: [33, 100] } })).body as Upgrade;
  const { items } = (await whole.call('listUpgrades')).body;
  expect(items).toMatchObject([{ id, counts: { downloading: 1, pending: 2 } }]);
  expect(items[0]).not.toHaveProperty('replicas');
  const runner = agents[1]?.identity.runner ?? '';
  expect(await read(whole, id, { runner })).toMatchObject({
    counts: { downloading: 1, pending: 2 },
    replicas: [{ runner, runnerName: 'host-1' }],
  });
  const wrong = await whole.call('getUpgrade', { params: { id }, query: { runner: 'host-1' } });
  expect(wrong).toMatchObject({ status: 400, body: { fields: [{ path: 'query.runner' }] } });
});
