import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf } from '../testing/journal-records.ts';
import type { SimulatedAgent } from '../testing/simulated-agent.ts';
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

const given = (accept = true) => coordinator.given(agent, project, accept);

describe('a break of the connection', () => {
  it('is bridged: the agent is told from where to send, and the log is complete', async () => {
    const { id, ref, journal } = await given();
    const records = journal.whole('before and after\n');
    agent.sendRecords(ref.operation, 1, records.slice(0, 2));
    await agent.next('ack');
    agent.kill();
    const welcome = await agent.connect([heldOf(ref, 5, true)]);
    expect(welcome.resume).toEqual([{ ...ref, from: 2, drop: false }]);
    agent.sendRecords(ref.operation, 1, records.slice(2));
    await agent.finalAck();
    expect(await coordinator.view(id)).toMatchObject({ state: 'succeeded', output: { records: 5, complete: true } });
  });

  it('takes what the agent holds for accepted, although it could not say so', async () => {
    const { id, ref } = await given(false);
    agent.kill();
    await agent.connect([heldOf(ref, 0)]);
    await eventually(async () => (await coordinator.view(id)).operation.state === 'accepted');
  });

  it('gives what was provably not accepted to an agent again, as a new attempt', async () => {
    const { id, ref } = await given(false);
    agent.kill();
    await agent.connect();
    agent.beat();
    await agent.next('beat');
    // It could still say that it was just writing it down; a heartbeat later it is certain.
    expect((await coordinator.view(id)).operation).toMatchObject({ state: 'offered', attempt: 1 });
    coordinator.clock.advance(5000);
    agent.beat();
    const again = await agent.nextOperation();
    expect(again).toMatchObject({ operation: ref.operation, attempt: 2 });
    // The first attempt is fenced off.
    agent.send({ type: 'accepted', ...ref });
    expect(await agent.next('ack')).toMatchObject({ attempt: 1, final: true });
    agent.send({ type: 'accepted', operation: ref.operation, attempt: 2 });
    await eventually(async () => (await coordinator.view(id)).operation.state === 'accepted');
  });

  it('closes what the agent had accepted and no longer has as lost, at once, saying so', async () => {
    const { id } = await given();
    agent.kill();
    await agent.connect();
    const view = await eventually(async () => {
      const seen = await coordinator.view(id);
      return seen.state === 'lost' ? seen : null;
    });
    expect(view.reason).toMatch(/came back without it/);
    expect(view.steps[0]?.state).toBe('lost');
  });

  it('drops what nobody needs any more', async () => {
    const { ref, journal } = await given();
    agent.sendRecords(ref.operation, 1, journal.whole());
    await agent.finalAck();
    agent.kill();
    const unknown = { operation: crypto.randomUUID(), attempt: 1 };
    const welcome = await agent.connect([heldOf(ref, 5, true), heldOf(unknown, 3)]);
    expect(welcome.resume.map((entry) => entry.drop)).toEqual([true, true]);
  });

  it('ends as lost what has a hole that neither end can fill', async () => {
    const { id, ref } = await given();
    agent.kill();
    const welcome = await agent.connect([{ ...heldOf(ref, 9), first: 4 }]);
    expect(welcome.resume).toMatchObject([{ drop: true }]);
    expect(await coordinator.view(id)).toMatchObject({
      state: 'lost',
      reason: expect.stringContaining('missing on both'),
    });
  });
});

describe('a restart of the coordinator', () => {
  for (const how of ['stop', 'crash'] as const) {
    it(`in mid job (${how}) loses nothing: the job goes on, its output is complete, its end is recorded`, async () => {
      const { id, ref, journal } = await given();
      const records = journal.whole('over a restart\n');
      agent.sendRecords(ref.operation, 1, records.slice(0, 3));
      await agent.next('ack');
      await coordinator.restart(how);
      // At once when it was stopped; after a crash as soon as the journal was read.
      const seen = await eventually(async () => {
        const view = await coordinator.view(id);
        return view.output.records === 3 && view.steps[0]?.state === 'running' ? view : null;
      });
      expect(seen.state).toBe('running');
      const welcome = await agent.connect([heldOf(ref, 5, true)]);
      expect(welcome.resume).toEqual([{ ...ref, from: 3, drop: false }]);
      agent.sendRecords(ref.operation, 1, records.slice(3));
      await agent.finalAck();
      expect(await coordinator.view(id)).toMatchObject({ state: 'succeeded', output: { records: 5, complete: true } });
      expect(await coordinator.storedJournal(ref.operation)).toEqual(bytesOf(records));
    });
  }

  it('reads from the journal what the tables do not know, even the end', async () => {
    const { id, ref, journal } = await given();
    const records = journal.whole();
    agent.sendRecords(ref.operation, 1, records);
    await agent.finalAck();
    // As if it had been killed between the flush of the journal and the write of the tables.
    await coordinator.store.write(async (tx) => {
      await tx
        .updateTable('execution')
        .set({ state: 'running', ended_at: null, reason: '' })
        .where('id', '=', id)
        .execute();
      await tx
        .updateTable('operation')
        .set({ state: 'accepted', ended_at: null, journal_bytes: null, journal_records: null })
        .where('id', '=', ref.operation)
        .execute();
      await tx.updateTable('execution_step').set({ state: 'waiting' }).where('execution_id', '=', id).execute();
    });
    await coordinator.restart();
    await eventually(async () => (await coordinator.view(id)).state === 'succeeded');
    expect(await coordinator.view(id)).toMatchObject({ steps: [{ state: 'succeeded', exitCode: 0 }] });
    expect((await agent.connect([heldOf(ref, 5, true)])).resume).toMatchObject([{ drop: true }]);
  });

  it('keeps what waits, in order', async () => {
    agent.kill();
    await eventually(() => coordinator.gateway.link.replica(agent.identity.replica)?.connected === false);
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await coordinator.run(project)).id);
    await coordinator.restart();
    await agent.connect();
    const offered: string[] = [];
    for (let i = 0; i < 3; i++) offered.push((await agent.nextOperation()).execution);
    expect(offered).toEqual(ids);
  });
});

describe('a lease', () => {
  it('that lapses closes the execution as lost; what is reported later is a note, and the log is completed', async () => {
    const { id, ref, journal } = await given();
    const records = journal.whole();
    agent.sendRecords(ref.operation, 1, records.slice(0, 2));
    await agent.next('ack');
    agent.kill();
    coordinator.clock.advance(600_000);
    expect((await coordinator.view(id)).state).toBe('running');
    coordinator.clock.advance(2000);
    await eventually(async () => !coordinator.executions.records.ofExecution(id));
    const lost = await coordinator.view(id);
    expect(lost).toMatchObject({ state: 'lost', steps: [{ state: 'lost' }], output: { complete: false } });
    expect(lost.reason).toMatch(/Nothing was heard of one for 10 minutes/);

    const welcome = await agent.connect([heldOf(ref, 5, true)]);
    expect(welcome.resume).toEqual([{ ...ref, from: 2, drop: false }]);
    agent.sendRecords(ref.operation, 1, records.slice(2));
    await agent.finalAck();
    const after = await coordinator.view(id);
    expect(after).toMatchObject({ state: 'lost', steps: [{ state: 'lost' }], output: { records: 5, complete: true } });
    expect(after.notes).toMatchObject([{ text: expect.stringContaining('ended as succeeded') }]);
  });

  it('is renewed by the heartbeats that name it, also while its end is being delivered, and never lapses then', async () => {
    const { id, ref } = await given();
    for (let i = 0; i < 100; i++) {
      coordinator.clock.advance(20_000);
      if (i < 50) agent.beat([ref]);
      else agent.beat([], [], { delivering: [ref] });
      await agent.next('beat');
    }
    expect((await coordinator.view(id)).operation.state).toBe('accepted');
  });

  it('is not renewed by output, nor by heartbeats that do not name it', async () => {
    const { id, ref, journal } = await given();
    agent.sendRecords(ref.operation, 1, [journal.started()]);
    await agent.next('ack');
    for (let i = 0; i < 30; i++) {
      coordinator.clock.advance(20_000);
      agent.sendRecords(ref.operation, 1, [journal.output(0, 'still here\n')]);
      agent.beat();
      await agent.next('beat');
    }
    expect((await coordinator.view(id)).state).toBe('running');
    coordinator.clock.advance(2_000);
    const { state, reason } = await coordinator.view(id);
    expect([state, reason]).toEqual(['lost', expect.stringContaining('is connected and has not named it')]);
  });

  it('does not count the time in which the coordinator itself stood still', async () => {
    const { id } = await given();
    // All timers late by an hour, as after a sleep of the coordinator's host.
    coordinator.clock.stall(3_600_000);
    coordinator.clock.advance(2_000);
    expect((await coordinator.view(id)).operation.state).toBe('accepted');
    coordinator.clock.advance(602_000);
    expect((await coordinator.view(id)).state).toBe('lost');
  });

  it('is not ended by a wall clock that leaps', async () => {
    const { id } = await given();
    agent.kill();
    coordinator.clock.jump(86_400_000);
    coordinator.clock.advance(5000);
    expect((await coordinator.view(id)).operation.state).toBe('accepted');
  });

  it('leaves an agent time to come back after a long absence of the coordinator', async () => {
    const { id, ref } = await given();
    const port = coordinator.url;
    coordinator.clock.jump(3_600_000);
    await coordinator.restart();
    expect(coordinator.url).toBe(port);
    coordinator.clock.advance(60_000);
    expect((await coordinator.view(id)).operation.state).toBe('accepted');
    await agent.connect([heldOf(ref, 0)]);
    coordinator.clock.advance(70_000);
    expect((await coordinator.view(id)).operation.state).toBe('accepted');
  });

  it('that lapses while it still runs: the agent that comes back is told to stop it', async () => {
    const { id, ref } = await given();
    agent.kill();
    coordinator.clock.advance(602_000);
    await eventually(async () => !coordinator.executions.records.ofExecution(id));
    await agent.connect([heldOf(ref, 2)], 1);
    expect(await agent.next('cancel')).toMatchObject(ref);
  });

  it('ends at once with the identity: a revoked replica never reports again', async () => {
    const { id } = await given();
    coordinator.gateway.presence.revoke(agent.identity.replica);
    expect(await coordinator.view(id)).toMatchObject({ state: 'lost', reason: expect.stringContaining('revoked') });
  });
});
