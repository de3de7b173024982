import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hired, movedTo, trustCalls } from '../testing/hired-agent.ts';
import { makeEnrolmentKeys, type SimulatedAgent } from '../testing/simulated-agent.ts';
import { startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let whole: WholeCoordinator;
beforeEach(async () => {
  whole = await startWhole();
});
afterEach(() => whole.stop());

const rotate = () => trustCalls(whole).rotate();
const retire = (body: object = {}) => trustCalls(whole).retire(body);

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
