import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalWriter } from '../testing/journal-records.ts';
import { SimulatedAgent } from '../testing/simulated-agent.ts';
import { eventually, heldOf, TestCoordinator } from '../testing/test-coordinator.ts';

let coordinator: TestCoordinator;
let project: { id: string; name: string };
let agent: SimulatedAgent;
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
  project = await coordinator.addProject();
  ({ agent } = await coordinator.connectedRunner('one', project));
});
afterEach(() => coordinator.end());

const given = () => coordinator.given(agent, project);

describe('an operation that its agent hands back', () => {
  it('goes to another Runner under a new attempt, and the first is acknowledged', async () => {
    const { id, ref } = await given();
    const { agent: other, runnerId } = await coordinator.connectedRunner('two', project);
    agent.beat([ref], [], { accepting: false });
    await agent.next('beat');
    agent.send({ type: 'returned', ...ref, reason: 'The agent is stopping.' });
    expect(await other.nextOperation()).toMatchObject({ operation: ref.operation, attempt: 2 });
    expect(await agent.finalAck()).toMatchObject(ref);
    expect(await coordinator.view(id)).toMatchObject({ state: 'queued', startedAt: null, runner: { id: runnerId } });
  });

  it('waits, when nobody else can take it: its agent is being stopped, and “why” says so', async () => {
    const { id, ref } = await given();
    agent.beat([ref], [], { accepting: false });
    await agent.next('beat');
    agent.send({ type: 'returned', ...ref, reason: 'The agent is stopping.' });
    await agent.finalAck();
    expect(await coordinator.view(id)).toMatchObject({ state: 'queued', operation: { state: 'pending', attempt: 2 } });
    const waiting = await (await coordinator.call(`/executions/${id}/waiting`)).json();
    expect(waiting).toMatchObject({ waiting: true, ahead: 0, runners: [{ rule: 'stopping' }] });
    // Started again it takes work again.
    agent.kill();
    await agent.connect();
    expect(await agent.nextOperation()).toMatchObject({ operation: ref.operation, attempt: 2 });
  });

  it('is handed back all the same when the agent could only say so after a crash on either side', async () => {
    const { id, ref } = await given();
    agent.kill();
    await coordinator.restart('crash');
    const welcome = await agent.connect([{ ...heldOf(ref, 0), returned: true }]);
    expect(welcome.resume).toEqual([{ ...ref, from: 0, drop: true }]);
    expect(await agent.nextOperation()).toMatchObject({ operation: ref.operation, attempt: 2 });
    // What was acknowledged is certain, also after a crash right then.
    await coordinator.restart('crash');
    expect((await coordinator.view(id)).operation).toMatchObject({ attempt: 2 });
  });

  it('ends at once, when its stop was asked for meanwhile', async () => {
    const { id, ref } = await given();
    await coordinator.call(`/executions/${id}/cancel`, { reason: 'wrong host' });
    agent.send({ type: 'returned', ...ref, reason: '' });
    await agent.finalAck();
    expect(await coordinator.view(id)).toMatchObject({
      state: 'aborted',
      reason: 'tester asked to stop it: wrong host.',
    });
  });

  it('is not believed to have never started when its journal says that it did', async () => {
    const { id, ref, journal } = await given();
    agent.sendRecords(ref.operation, 1, [journal.started()]);
    await agent.next('ack');
    agent.send({ type: 'returned', ...ref, reason: '' });
    await eventually(async () => (await coordinator.view(id)).notes.length > 0);
    expect(await coordinator.view(id)).toMatchObject({ state: 'running', operation: { attempt: 1, state: 'started' } });
  });
});

describe('the order of what waits', () => {
  it('is by priority, then by age; a new one does not overtake', async () => {
    const { agent: busy } = await coordinator.connectedRunner('small', project, { maximum: 1, tags: ['small'] });
    const run = (priority: number) => coordinator.run(project, { priority, runnerTags: ['small'] });
    await run(0);
    const running = await busy.nextOperation();
    const [low, normal, high, second] = [await run(-5), await run(0), await run(7), await run(0)];
    const waiting = await (await coordinator.call(`/executions/${low.id}/waiting`)).json();
    expect(waiting).toMatchObject({ ahead: 3 });
    const order: string[] = [];
    let present = running;
    for (let i = 0; i < 4; i++) {
      const journal = new JournalWriter(present, () => coordinator.clock.now());
      busy.sendRecords(present.operation, 1, journal.whole());
      present = await busy.nextOperation();
      order.push(present.execution);
    }
    expect(order).toEqual([high.id, normal.id, second.id, low.id]);
  });
});

describe('a replica that is being stopped', () => {
  it('gets nothing, while another of the same Runner does', async () => {
    const runnerId = await coordinator.addRunner('pair', [project], { tags: ['pair'], replicas: 'several' });
    const [leaving, staying] = [
      new SimulatedAgent(await coordinator.enrol(runnerId)),
      new SimulatedAgent(await coordinator.enrol(runnerId)),
    ];
    await leaving.connect();
    await staying.connect();
    leaving.beat([], [], { accepting: false });
    await leaving.next('beat');
    for (let i = 0; i < 3; i++) {
      const { id } = await coordinator.run(project, { runnerTags: ['pair'] });
      expect((await staying.nextOperation()).execution).toBe(id);
    }
  });
});
