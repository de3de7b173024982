import { cp, rm } from 'node:fs/promises';
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
