import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { given, hired, movedTo, trustCalls, untilCounts } from '../testing/hired-agent.ts';
import { eventually } from '../testing/test-coordinator.ts';
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
