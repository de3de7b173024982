import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedAgent } from '../testing/simulated-agent.ts';
import { eventually, heldOf, TestCoordinator } from '../testing/test-coordinator.ts';

let coordinator: TestCoordinator;
let project: { id: string; name: string };
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
  project = await coordinator.addProject();
});
afterEach(() => coordinator.end());

/** A process of its own with the identity of another, as a cloned host starts. */
const copyOf = (agent: SimulatedAgent) => new SimulatedAgent(agent.identity, { now: () => coordinator.clock.now() });

describe.each(['websocket', 'polling'] as const)('two live processes with one identity, over %s', (transport) => {
  async function connected() {
    const { runnerId, agent } = await coordinator.connectedRunner('one', project, { transport });
    const replica = () => coordinator.gateway.presence.ofRunner(runnerId)[0];
    return { agent, replica };
  }

  it('each bring what they hold to its end: nothing is lost, and both are shown', async () => {
    const { agent, replica } = await connected();
    const first = await coordinator.given(agent, project);
    agent.sendRecords(first.ref.operation, 1, [first.journal.started(), first.journal.stepStarted(0)]);
    expect(await agent.next('ack')).toMatchObject({ next: 2 });
    const twin = copyOf(agent);
    await twin.connect();
    expect(await agent.next('rejected')).toMatchObject({ code: 'session-superseded' });
    expect(replica()?.duplicateSeenAt).toBe(coordinator.clock.now());
    const second = await coordinator.given(twin, project);
    twin.beat([second.ref]);
    await twin.next('beat');
    expect((await coordinator.view(first.id)).state).toBe('running');

    coordinator.clock.advance(1_000);
    await agent.connect([heldOf(first.ref, 2)], 1);
    expect(await twin.next('rejected')).toMatchObject({ code: 'session-superseded' });
    expect((await coordinator.view(second.id)).operation.state).toBe('accepted');
    agent.sendRecords(first.ref.operation, 1, [
      first.journal.output(0, 'mine\n'),
      first.journal.stepFinished(0),
      first.journal.finished(),
    ]);
    await agent.finalAck();
    expect((await coordinator.view(first.id)).state).toBe('succeeded');

    coordinator.clock.advance(1_000);
    await twin.connect([heldOf(second.ref, 0)], 1);
    twin.sendRecords(second.ref.operation, 1, second.journal.whole('of the copy\n'));
    await twin.finalAck();
    expect((await coordinator.view(second.id)).state).toBe('succeeded');
  });

  it('do not run twice what one of them was offered and had not answered', async () => {
    const { agent } = await connected();
    const { id } = await coordinator.run(project);
    const operation = await agent.nextOperation();
    const twin = copyOf(agent);
    await twin.connect();
    // It may have accepted it a moment before it was cut off; whatever the copy says proves nothing.
    for (let i = 0; i < 20; i++) {
      coordinator.clock.advance(5_000);
      twin.beat();
      await twin.next('beat');
    }
    expect(twin.heard.some((message) => message.type === 'operation')).toBe(false);
    await agent.connect([heldOf({ operation: operation.operation, attempt: 1 }, 0)], 1);
    await eventually(async () => (await coordinator.view(id)).operation.state === 'accepted');
    expect((await coordinator.view(id)).operation.attempt).toBe(1);
  });

  it('leave what only the dead one of them held to its lease, which ends it', async () => {
    const { agent } = await connected();
    const { id } = await coordinator.given(agent, project);
    const twin = copyOf(agent);
    await twin.connect();
    const ends = async () => {
      coordinator.clock.advance(5_000);
      twin.beat();
      await twin.next('beat');
      return (await coordinator.view(id)).state === 'lost';
    };
    const begun = coordinator.clock.monotonic();
    await eventually(ends);
    expect(coordinator.clock.monotonic() - begun).toBeGreaterThanOrEqual(600_000);
  });
});
