import { expect, it } from 'vitest';
import { untilCounts } from '../testing/hired-agent.ts';
import { insertReplica, insertRunner } from '../testing/insert-rows.ts';
import { LiveReader } from '../testing/live-reader.ts';
import { makeEnrolmentKeys, packageTrust, SimulatedAgent } from '../testing/simulated-agent.ts';
import { eventually } from '../testing/test-coordinator.ts';
import { startWhole } from '../testing/whole-coordinator.ts';

const AGENTS = Number(process.env.OUTRUNNER_TRUST_AGENTS ?? 1200);
/** Connections that are opened at once. */
const AT_ONCE = 100;

it(`a rotation with ${AGENTS} connected agents tells each once, and writes what they note in a few gathered writes`, {
  timeout: 300_000,
}, async () => {
  let whole = await startWhole();
  const spreads = new Set<number | undefined>();
  const { clock } = whole;
  const place = { store: whole.coordinator.store, clock };
  const publicKey = (await whole.call('getTrust')).body.key.publicKey;
  const identities = await Promise.all(
    Array.from({ length: AGENTS }, async (_, n) => {
      const keys = makeEnrolmentKeys();
      const runner = await insertRunner(place, `runner-${n}`);
      const replica = await insertReplica(place, runner, keys);
      return { runner, replica, signingKey: keys.signing };
    }),
  );
  whole = await whole.restart();
  try {
    const { url } = whole;
    const told = new Map<SimulatedAgent, number>();
    const agents = identities.map(
      (one) =>
        new SimulatedAgent(
          { ...one, url, coordinatorPublicKey: publicKey, trust: packageTrust(publicKey) },
          {
            now: () => clock.now(),
            onMessage: (message, agent) => {
              if (message.type === 'trust') told.set(agent, (told.get(agent) ?? 0) + 1);
              if (message.type === 'trust' || message.type === 'welcome') spreads.add(message.spreadMs);
            },
          },
        ),
    );
    for (let i = 0; i < AGENTS; i += AT_ONCE) {
      await Promise.all(agents.slice(i, i + AT_ONCE).map((agent) => agent.connect()));
    }
    await untilCounts(whole, { current: AGENTS });
    clock.advance(500);
    const live = await LiveReader.open(url, whole.token);
    const { store } = whole.coordinator;
    await store.write(async () => undefined);
    let writes = 0;
    const write = store.write.bind(store);
    store.write = (unit) => {
      writes += 1;
      return write(unit);
    };

    for (const step of ['rotateKey', 'retireKey'] as const) {
      told.clear();
      writes = 0;
      live.forget();
      const before = process.memoryUsage();
      const begun = performance.now();
      expect((await whole.call(step, step === 'retireKey' ? { body: {} } : {})).status).toBe(200);
      const answered = performance.now();
      await untilCounts(whole, { current: AGENTS });
      const noted = performance.now();
      const after = process.memoryUsage();
      await eventually(() => told.size === AGENTS);
      expect(new Set(told.values())).toEqual(new Set([1]));
      clock.advance(500);
      await live.until(({ topic }) => topic === 'trust');
      const wanted = (await whole.call('getTrust')).body.key.publicKey;
      await eventually(async () => {
        const rows = await store.read.selectFrom('replica').select('id').where('believed_key', '=', wanted).execute();
        return rows.length === AGENTS;
      });
      // What is announced, and what was noted, five hundred rows at a time; the rest is of other rooms.
      expect(writes).toBeLessThan(20);
      expect(live.events.filter(({ topic }) => topic === 'trust').length).toBeLessThan(3);
      expect(answered - begun).toBeLessThan(10_000);
      if (process.env.OUTRUNNER_TRUST_FIGURES !== undefined) {
        const ms = (value: number) => Math.round(value);
        console.log(step, { answered: ms(answered - begun), noted: ms(noted - begun), writes });
        console.log({
          heapMb: ms((after.heapUsed - before.heapUsed) / 2 ** 20),
          rssMb: ms((after.rss - before.rss) / 2 ** 20),
        });
      }
    }
    live.close();
    expect([...spreads], 'a hundred a second').toEqual([Math.min(AGENTS * 10, 20_000)]);
    for (const agent of agents) agent.kill();
  } finally {
    await whole.stop();
  }
});
