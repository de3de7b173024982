import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EnrolmentRefused, enrolSimulated, makeEnrolmentKeys, SimulatedAgent } from '../testing/simulated-agent.ts';
import { eventually, TestCoordinator } from '../testing/test-coordinator.ts';

let coordinator: TestCoordinator;
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
});
afterEach(() => coordinator.end());

async function codeOf(enrolling: Promise<unknown>): Promise<string> {
  try {
    await enrolling;
  } catch (error) {
    if (error instanceof EnrolmentRefused) return error.code;
    throw error;
  }
  return 'enrolled';
}

describe('enrolment', () => {
  it('exchanges a token for an identity, once', async () => {
    const runner = await coordinator.addRunner('one');
    const { token } = await coordinator.addEnrolment(runner);
    const identity = await enrolSimulated(coordinator.url, runner, token);
    const [replica] = coordinator.gateway.presence.ofRunner(runner);
    expect(replica).toMatchObject({ replicaId: identity.replica, connected: false, lastSeen: null });
    expect(await codeOf(enrolSimulated(coordinator.url, runner, token))).toBe('enrolment-token-used');
    expect(coordinator.gateway.presence.ofRunner(runner)).toHaveLength(1);
    expect(coordinator.refusals).toMatchObject([{ runnerId: runner, code: 'enrolment-token-used' }]);
  });

  it('gives one of two that use a token at the same time the identity, and the other a refusal', async () => {
    const runner = await coordinator.addRunner('one');
    const { token } = await coordinator.addEnrolment(runner);
    const both = [1, 2].map(() => codeOf(enrolSimulated(coordinator.url, runner, token)));
    expect((await Promise.all(both)).sort()).toEqual(['enrolled', 'enrolment-token-used']);
  });

  it('answers the same agent the same again, when its first answer was lost', async () => {
    const runner = await coordinator.addRunner('one');
    const { token } = await coordinator.addEnrolment(runner);
    const keys = makeEnrolmentKeys();
    const first = await enrolSimulated(coordinator.url, runner, token, keys);
    const second = await enrolSimulated(coordinator.url, runner, token, keys);
    expect(second.replica).toBe(first.replica);
    expect(coordinator.gateway.presence.ofRunner(runner)).toHaveLength(1);
    await new SimulatedAgent(second).connect();
  });

  it('refuses an expired, a revoked, an unknown token and one of another Runner, each by its own code', async () => {
    const runner = await coordinator.addRunner('one');
    const other = await coordinator.addRunner('other');
    const expiring = await coordinator.addEnrolment(runner, 1000);
    coordinator.clock.advance(1000);
    expect(await codeOf(enrolSimulated(coordinator.url, runner, expiring.token))).toBe('enrolment-token-expired');
    const revoked = await coordinator.addEnrolment(runner);
    await coordinator.store.write((tx) =>
      tx.updateTable('enrolment').set({ revoked_at: 1 }).where('id', '=', revoked.id).execute(),
    );
    expect(await codeOf(enrolSimulated(coordinator.url, runner, revoked.token))).toBe('enrolment-token-revoked');
    const unknown = `ore_${'A'.repeat(43)}`;
    expect(await codeOf(enrolSimulated(coordinator.url, runner, unknown))).toBe('enrolment-token-unknown');
    const { token } = await coordinator.addEnrolment(other);
    expect(await codeOf(enrolSimulated(coordinator.url, runner, token))).toBe('enrolment-wrong-runner');
    // The token of the other Runner was not used up by that.
    expect(await codeOf(enrolSimulated(coordinator.url, other, token))).toBe('enrolled');
    expect(coordinator.refusals.map((refusal) => refusal.code)).toEqual([
      'enrolment-token-expired',
      'enrolment-token-revoked',
      'enrolment-token-unknown',
      'enrolment-wrong-runner',
    ]);
  });

  it('refuses who cannot prove to hold the key, and leaves the token usable', async () => {
    const runner = await coordinator.addRunner('one');
    const { token } = await coordinator.addEnrolment(runner);
    const thief = { ...makeEnrolmentKeys(), signing: makeEnrolmentKeys().signing };
    expect(await codeOf(enrolSimulated(coordinator.url, runner, token, thief))).toBe('signature-refused');
    expect(await codeOf(enrolSimulated(coordinator.url, runner, token))).toBe('enrolled');
  });

  it('puts a new replica of a single Runner in the place of the old one, which is told so', async () => {
    const runner = await coordinator.addRunner('one');
    const old = new SimulatedAgent(await coordinator.enrol(runner));
    await old.connect();
    const fresh = new SimulatedAgent(await coordinator.enrol(runner));
    expect(await old.next('rejected')).toMatchObject({ code: 'replica-revoked' });
    expect(await old.closed()).toBe(4006);
    await expect(old.connect()).rejects.toMatchObject({ code: 'replica-revoked' });
    await eventually(() => coordinator.refusals.some((refusal) => refusal.code === 'replica-revoked'));
    await fresh.connect();
    expect(coordinator.gateway.presence.ofRunner(runner)).toHaveLength(1);
  });

  it('adds a replica to a Runner that may have several', async () => {
    const runner = await coordinator.addRunner('many', [], { replicas: 'several' });
    const agents: SimulatedAgent[] = [];
    for (let i = 0; i < 3; i++) agents.push(new SimulatedAgent(await coordinator.enrol(runner)));
    await Promise.all(agents.map((agent) => agent.connect()));
    expect(coordinator.gateway.presence.ofRunner(runner).map((one) => one.connected)).toEqual([true, true, true]);
  });

  it('names the field of a request that is not as it should be', async () => {
    const answer = await fetch(`${coordinator.url}/runner/v1/enrol`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ protocol: 1, runner: 'x' }),
    });
    expect(answer.status).toBe(400);
    const problem = (await answer.json()) as { fields: { path: string }[] };
    expect(problem.fields.map((field) => field.path)).toEqual(expect.arrayContaining(['runner', 'token', 'host']));
  });
});
