import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { statusOf } from '../runners/runner-view.ts';
import { makeEnrolmentKeys, SimulatedAgent, type SimulatedIdentity } from '../testing/simulated-agent.ts';
import { eventually, TestCoordinator } from '../testing/test-coordinator.ts';
import { ReplicaState } from './replica-state.ts';

/** An agent that took the place of another on its host, and speaks a protocol that the coordinator does not. */

let coordinator: TestCoordinator;
let runner: string;
let identity: SimulatedIdentity;
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
  runner = await coordinator.addRunner('one');
  identity = await coordinator.enrol(runner);
});
afterEach(() => coordinator.end());

const presences = () => coordinator.gateway.presence.ofRunner(runner);
const now = () => statusOf(presences(), coordinator.clock.now());
const link = () => {
  const [state] = presences();
  return state instanceof ReplicaState ? state.session?.link : undefined;
};
const isConnected = () => presences()[0]?.connected;

async function isTurnedAway(change: Partial<SimulatedIdentity> = {}): Promise<void> {
  const newer = new SimulatedAgent({ ...identity, ...change }, { protocol: PROTOCOL_VERSION + 1 });
  await expect(newer.connect()).rejects.toThrow('protocol-too-new');
}

describe.each(['websocket', 'polling'] as const)('where the agent of before took %s and', (transport) => {
  let agent: SimulatedAgent;
  beforeEach(async () => {
    agent = new SimulatedAgent(identity, { transport, now: () => coordinator.clock.now() });
    await agent.connect();
  });

  /** Its process is gone, and so far nobody has noticed. */
  async function vanish(): Promise<void> {
    if (transport === 'websocket') {
      // Its connection stands still, as that of a host whose network was cut.
      agent.hang();
      coordinator.clock.advance(12_001);
      return;
    }
    await eventually(() => {
      coordinator.clock.advance(1);
      return link()?.absentFor(coordinator.clock.monotonic()) === 0;
    });
    agent.kill();
    await eventually(() => link()?.brokenOff);
  }

  it('said good-bye, the Runner is Down from then on', async () => {
    agent.send({ type: 'goodbye', reason: 'upgraded by hand' });
    await agent.closed();
    await isTurnedAway();
    expect(now()).toMatchObject({ status: 'Down', reason: 'The agent was stopped and said good-bye.' });
  });

  it('vanished, its session ends when the one in its place is turned away; the status follows what was heard', async () => {
    await vanish();
    const lastSeen = presences()[0]?.lastSeen ?? 0;
    expect(isConnected()).toBe(true);
    await isTurnedAway();
    await eventually(() => isConnected() === false);
    expect(now()).toMatchObject({
      status: 'Healthy',
      reason: 'It was heard of in the last 30 seconds; its connection is closed now.',
    });
    expect(presences()[0]?.lastSeen).toBe(lastSeen);
    coordinator.clock.jump(lastSeen + 30_001 - coordinator.clock.now());
    expect(now().status).toBe('Unknown');
  });

  it('is still there, its session goes on', async () => {
    await isTurnedAway();
    agent.beat([]);
    await agent.next('beat');
    expect(isConnected()).toBe(true);
  });

  it('vanished, who is turned away and does not hold its key ends nothing', async () => {
    await vanish();
    await isTurnedAway({ signingKey: makeEnrolmentKeys().signing });
    // What it said was looked at before this is turned away in its turn.
    await isTurnedAway({ signingKey: makeEnrolmentKeys().signing });
    expect(isConnected()).toBe(true);
  });
});
