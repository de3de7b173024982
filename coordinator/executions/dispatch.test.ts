import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JournalWriter } from '../testing/journal-records.ts';
import { SimulatedAgent } from '../testing/simulated-agent.ts';
import { commands, eventually, heldOf, TestCoordinator } from '../testing/test-coordinator.ts';

let coordinator: TestCoordinator;
let project: { id: string; name: string };
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
  project = await coordinator.addProject();
});
afterEach(() => coordinator.end());

const now = () => coordinator.clock.now();

async function finish(agent: SimulatedAgent, operation: { operation: string; attempt: number }): Promise<void> {
  agent.sendRecords(operation.operation, operation.attempt, new JournalWriter(operation, now).whole());
  await eventually(async () => (await agent.next('ack')).final);
}

async function setMode(runnerId: string, mode: 'active' | 'paused', poke = true): Promise<void> {
  await coordinator.store.write((tx) =>
    tx.updateTable('runner').set({ mode, mode_reason: 'for a test' }).where('id', '=', runnerId).execute(),
  );
  if (poke) coordinator.executions.signal.poke();
}

describe('the choice of a Runner', () => {
  it('spreads a burst evenly: each choice reserves its slot at once', async () => {
    const agents: SimulatedAgent[] = [];
    for (const name of ['a', 'b', 'c', 'd']) agents.push((await coordinator.connectedRunner(name, project)).agent);
    const runs = await Promise.all(Array.from({ length: 100 }, () => coordinator.run(project)));
    const counts = new Map<string, number>();
    for (const { runner } of runs) counts.set(runner?.name ?? '', (counts.get(runner?.name ?? '') ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({ a: 25, b: 25, c: 25, d: 25 });
    for (const agent of agents) {
      for (let i = 0; i < 25; i++) await agent.nextOperation();
    }
  });

  it('gives an agent no more than it takes; the rest waits and goes when a slot is free', async () => {
    const { agent } = await coordinator.connectedRunner('one', project, { maximum: 2 });
    const runs: Awaited<ReturnType<TestCoordinator['run']>>[] = [];
    for (let i = 0; i < 4; i++) runs.push(await coordinator.run(project));
    expect(runs.map((run) => run.operation.state)).toEqual(['offered', 'offered', 'pending', 'pending']);
    const first = await agent.nextOperation();
    await agent.nextOperation();
    await finish(agent, first);
    expect(await agent.nextOperation()).toMatchObject({ execution: runs[2]?.id });
    expect((await coordinator.view(runs[3]?.id ?? '')).operation.state).toBe('pending');
  });

  it('heeds tags, all of them', async () => {
    await coordinator.connectedRunner('plain', project, { tags: ['linux'] });
    const { runnerId } = await coordinator.connectedRunner('gpu', project, { tags: ['Linux', 'GPU'] });
    expect(await coordinator.run(project, { runnerTags: ['gpu', 'linux'] })).toMatchObject({
      runner: { id: runnerId },
    });
    expect(await coordinator.run(project, { runnerTags: ['windows'] })).toMatchObject({
      operation: { state: 'pending' },
    });
  });

  it('gives a paused Runner nothing, even when nobody said that it was paused', async () => {
    const { agent, runnerId } = await coordinator.connectedRunner('one', project);
    await finish(agent, await coordinator.run(project).then(() => agent.nextOperation()));
    await setMode(runnerId, 'paused', false);
    const { id, operation } = await coordinator.run(project);
    expect(operation.state).toBe('pending');
    await setMode(runnerId, 'active');
    expect(await agent.nextOperation()).toMatchObject({ execution: id });
  });

  it('sends what waited as soon as a Runner connects, is assigned, or lets go', async () => {
    const { id } = await coordinator.run(project);
    const runnerId = await coordinator.addRunner('late');
    const agent = new SimulatedAgent(await coordinator.enrol(runnerId));
    await agent.connect();
    expect((await coordinator.view(id)).operation.state).toBe('pending');
    const flags = { as_node: 1 as const, remote_dispatch: 0 as const, node_filter: '.*' };
    await coordinator.store.write((tx) =>
      tx
        .insertInto('assignment')
        .values({ runner_id: runnerId, project_id: project.id, ...flags })
        .execute(),
    );
    coordinator.executions.signal.poke();
    expect(await agent.nextOperation()).toMatchObject({ execution: id });
  });

  it('leaves an agent alone for a moment that says it is full, and tries again', async () => {
    const { agent } = await coordinator.connectedRunner('one', project);
    const { id } = await coordinator.run(project);
    const first = await agent.nextOperation();
    agent.send({ type: 'refused', operation: first.operation, attempt: 1, code: 'agent-at-capacity', detail: '' });
    await eventually(async () => (await coordinator.view(id)).operation.state === 'pending');
    const { runners } = await (await coordinator.call(`/executions/${id}/waiting`)).json();
    expect(runners).toMatchObject([{ rule: 'refused', detail: expect.stringContaining('takes no more operations') }]);
    coordinator.clock.advance(5100);
    expect(await agent.nextOperation()).toMatchObject({ execution: id, attempt: 2 });
  });

  it('fails what an agent refuses for good, with its words', async () => {
    const { agent } = await coordinator.connectedRunner('one', project);
    const { id } = await coordinator.run(project);
    const { operation, attempt } = await agent.nextOperation();
    const detail = 'Only signed scripts run here.';
    agent.send({ type: 'refused', operation, attempt, code: 'operation-refused-by-policy', detail });
    await eventually(async () => (await coordinator.view(id)).state === 'failed');
    expect(await coordinator.view(id)).toMatchObject({
      reason: `one refused it: ${detail}`,
      steps: [{ state: 'skipped' }],
    });
  });

  it('takes back an offer that an agent let expire', async () => {
    const { agent } = await coordinator.connectedRunner('one', project);
    const { id } = await coordinator.run(project);
    const { acceptBefore } = await agent.nextOperation();
    while (now() <= acceptBefore + 5000) {
      coordinator.clock.advance(5000);
      agent.beat();
      await agent.next('beat');
    }
    expect(await agent.nextOperation()).toMatchObject({ execution: id, attempt: 2 });
  });
});

describe('waiting', () => {
  it('is explained: each Runner with the first rule that it failed', async () => {
    await coordinator.addRunner('elsewhere');
    await coordinator.addRunner('fresh', [project]);
    const { runnerId } = await coordinator.connectedRunner('paused', project);
    await setMode(runnerId, 'paused');
    const { id } = await coordinator.run(project);
    const waiting = await (await coordinator.call(`/executions/${id}/waiting`)).json();
    expect(waiting).toMatchObject({
      waiting: true,
      summary: 'None of the 2 Runners of this project can take it now: 1 never connected, 1 paused or draining.',
      runners: [
        { runner: { name: 'fresh' }, rule: 'never-connected' },
        { runner: { name: 'paused' }, rule: 'mode', detail: 'It is paused: for a test.' },
        { runner: { name: 'elsewhere' }, rule: 'project' },
      ],
    });
  });

  it('ends at the deadline, with the reasons', async () => {
    await coordinator.addRunner('fresh', [project]);
    const { id } = await coordinator.run(project, { queueSeconds: 60 });
    coordinator.clock.advance(59_000);
    expect((await coordinator.view(id)).state).toBe('queued');
    coordinator.clock.advance(1000);
    await eventually(async () => (await coordinator.view(id)).state === 'failed');
    expect((await coordinator.view(id)).reason).toBe(
      'No Runner could take it within 60 seconds. fresh: It has never connected.',
    );
  });
});

describe('cancelling', () => {
  const cancel = (id: string, reason = '') => coordinator.call(`/executions/${id}/cancel`, { reason });

  it('ends at once what no agent has', async () => {
    const { id } = await coordinator.run(project);
    expect(await (await cancel(id, 'not needed')).json()).toMatchObject({
      state: 'aborted',
      reason: 'tester asked to stop it: not needed.',
      steps: [{ state: 'skipped' }],
    });
    const again = await cancel(id);
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({ code: 'execution-ended' });
    // Nobody is given it afterwards.
    const { agent } = await coordinator.connectedRunner('late', project);
    agent.beat();
    await agent.next('beat');
    expect(agent.heard.some((message) => message.type === 'operation')).toBe(false);
  });

  it('is “stopping” until the agent says that it stopped, and names what it could not stop', async () => {
    const { agent } = await coordinator.connectedRunner('one', project);
    const { id } = await coordinator.run(project, { workflow: commands('sleep 100'), graceSeconds: 3 });
    const operation = await agent.nextOperation();
    const ref = { operation: operation.operation, attempt: 1 };
    agent.send({ type: 'accepted', ...ref });
    const journal = new JournalWriter(operation, now);
    agent.sendRecords(ref.operation, 1, [journal.started(), journal.stepStarted(0)]);
    await agent.next('ack');
    const askedAt = new Date(coordinator.clock.now()).toISOString();
    expect(await coordinator.view(id)).toMatchObject({ cancelAskedAt: null });
    expect(await (await cancel(id)).json()).toMatchObject({
      state: 'stopping',
      cancelAskedAt: askedAt,
      graceSeconds: 3,
    });
    expect(await agent.next('cancel')).toMatchObject({ ...ref, graceSeconds: 3 });
    const survivors = [{ pid: 77, command: 'sleep 100' }];
    agent.sendRecords(ref.operation, 1, [
      journal.stepFinished(0, null, 'cancelled'),
      journal.finished('aborted', survivors),
    ]);
    await eventually(async () => (await agent.next('ack')).final);
    expect(await coordinator.view(id)).toMatchObject({
      state: 'aborted',
      reason: 'tester asked to stop it. Could not stop: 77 (sleep 100).',
      survivors,
      survivorCount: 1,
      steps: [{ state: 'aborted' }],
    });
    expect(await (await coordinator.call('/executions')).json()).toMatchObject({ items: [{ id, survivorCount: 1 }] });
  });

  it('waits for an agent that is away, and is told when it comes back', async () => {
    const { agent } = await coordinator.connectedRunner('one', project);
    const { id } = await coordinator.run(project);
    const { operation } = await agent.nextOperation();
    const ref = { operation, attempt: 1 };
    agent.send({ type: 'accepted', ...ref });
    await eventually(async () => (await coordinator.view(id)).operation.state === 'accepted');
    agent.kill();
    await eventually(() => coordinator.gateway.link.replica(agent.identity.replica)?.connected === false);
    expect(await (await cancel(id)).json()).toMatchObject({ state: 'stopping' });
    await coordinator.restart();
    await agent.connect([heldOf(ref, 1)]);
    expect(await agent.next('cancel')).toMatchObject(ref);
  });

  it('ends what was offered and provably never taken', async () => {
    const { agent } = await coordinator.connectedRunner('one', project);
    const { id } = await coordinator.run(project);
    await agent.nextOperation();
    expect(await (await cancel(id)).json()).toMatchObject({ state: 'stopping' });
    agent.kill();
    await agent.connect();
    coordinator.clock.advance(5000);
    agent.beat();
    await eventually(async () => (await coordinator.view(id)).state === 'aborted');
  });

  it('of what ends well before the stop arrives does not change how it ended', async () => {
    const { agent } = await coordinator.connectedRunner('one', project);
    const { id } = await coordinator.run(project);
    const operation = await agent.nextOperation();
    await cancel(id);
    await finish(agent, operation);
    expect((await coordinator.view(id)).state).toBe('succeeded');
  });

  it('of an agent that never comes back ends with its lease', async () => {
    const { agent } = await coordinator.connectedRunner('one', project);
    const { id } = await coordinator.run(project, { leaseSeconds: 30 });
    const { operation } = await agent.nextOperation();
    agent.send({ type: 'accepted', operation, attempt: 1 });
    await eventually(async () => (await coordinator.view(id)).operation.state === 'accepted');
    await cancel(id);
    agent.kill();
    coordinator.clock.advance(32_000);
    await eventually(async () => (await coordinator.view(id)).state === 'lost');
  });
});
