import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, JournalWriter } from '../testing/journal-records.ts';
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

const now = () => coordinator.clock.now();
const given = (accept = true) => coordinator.given(agent, project, accept);

describe('journal frames', () => {
  it('are acknowledged again when they come twice, and stored once', async () => {
    const { ref, journal } = await given();
    const records = journal.whole();
    for (let i = 0; i < 3; i++) agent.sendRecords(ref.operation, 1, records.slice(0, 3));
    await eventually(async () => (await agent.next('ack')).next === 3);
    agent.sendRecords(ref.operation, 1, records);
    await agent.finalAck();
    expect(await coordinator.storedJournal(ref.operation)).toEqual(bytesOf(records));
  });

  it('are asked for again from the gap, once for a flood of them', async () => {
    const { ref, journal } = await given();
    const records = journal.whole();
    agent.sendRecords(ref.operation, 1, records.slice(0, 1));
    for (let i = 0; i < 5; i++) agent.sendRecords(ref.operation, 1, records.slice(3));
    expect(await agent.next('resume-from')).toEqual({ type: 'resume-from', ...ref, from: 1 });
    agent.sendRecords(ref.operation, 1, records.slice(1));
    await agent.finalAck();
    expect(agent.heard.filter((message) => message.type === 'resume-from')).toHaveLength(1);
    expect(await coordinator.storedJournal(ref.operation)).toEqual(bytesOf(records));
  });

  it('that are damaged are refused and change nothing; the sound ones after them are taken', async () => {
    const { ref, journal } = await given();
    const records = journal.whole();
    const bad = bytesOf(records);
    bad[40] = (bad[40] as number) ^ 1;
    agent.sendFrame(ref.operation, 1, bad);
    expect(await agent.next('error')).toMatchObject({ detail: expect.stringContaining('not whole journal records') });
    agent.sendRecords(ref.operation, 1, records);
    await agent.finalAck();
    expect(await coordinator.storedJournal(ref.operation)).toEqual(bytesOf(records));
  });

  it('of somebody else’s operation, or of an older attempt, are disowned', async () => {
    const { id, ref, journal } = await given();
    const { agent: other } = await coordinator.connectedRunner('two', project);
    other.sendRecords(ref.operation, 1, journal.whole());
    expect(await other.next('ack')).toMatchObject({ final: true, next: 0 });
    agent.sendRecords(ref.operation, 7, journal.whole());
    expect(await agent.next('ack')).toMatchObject({ final: true, next: 0, attempt: 7 });
    expect(await coordinator.view(id)).toMatchObject({ operation: { state: 'accepted' }, output: { bytes: 0 } });
  });

  it('count as acceptance when the word of it was lost', async () => {
    const { id, ref, journal } = await given(false);
    agent.sendRecords(ref.operation, 1, [journal.started(), journal.stepStarted(0)]);
    await agent.next('ack');
    expect(await coordinator.view(id)).toMatchObject({ state: 'running', steps: [{ state: 'running' }] });
  });

  it('give the same end however they are cut, repeated and mixed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 12 }),
        fc.integer({ min: 0, max: 3 }),
        async (frames, exitCode) => {
          const { id, ref, journal } = await given();
          const records = journal.whole('x', exitCode);
          for (const [from, count] of frames) {
            // The end is sent last, as an agent that is asked to resume does.
            const sent = records.slice(0, -1).slice(from, from + count);
            if (sent.length > 0) agent.sendRecords(ref.operation, 1, sent);
          }
          agent.sendRecords(ref.operation, 1, records);
          await agent.finalAck();
          expect(await coordinator.view(id)).toMatchObject({
            state: exitCode === 0 ? 'succeeded' : 'failed',
            steps: [{ exitCode, state: exitCode === 0 ? 'succeeded' : 'failed' }],
            output: { records: 5, complete: true },
          });
        },
      ),
      { numRuns: 25 },
    );
  });

  it('whose end cannot be read still end the execution, with a note', async () => {
    const { id, ref, journal } = await given();
    const records = [journal.started(), { ...journal.finished(), payload: new TextEncoder().encode('{"outcome":1}') }];
    agent.sendRecords(ref.operation, 1, records);
    await agent.finalAck();
    const view = await coordinator.view(id);
    expect(view).toMatchObject({ state: 'failed', reason: expect.stringContaining('cannot be read') });
    expect(view.notes).toHaveLength(1);
  });

  it('with times of a broken clock do no harm', async () => {
    const { id, ref, journal } = await given();
    const times = [Number.NaN, 1e300, -1e300, Number.POSITIVE_INFINITY, 0];
    agent.sendRecords(
      ref.operation,
      1,
      journal.whole().map((record, i) => ({ ...record, time: times[i] as number })),
    );
    await agent.finalAck();
    expect((await coordinator.view(id)).endedAt).toBe(new Date(now()).toISOString());
    const lines = await (await coordinator.call(`/executions/${id}/output`)).text();
    expect(lines.trim().split('\n')).toHaveLength(5);
  });

  it('take the skew of the agent’s clock off the times of steps', async () => {
    const ahead = 3_600_000;
    agent.kill();
    await eventually(() => coordinator.gateway.link.replica(agent.identity.replica)?.connected === false);
    const { agent: skewed } = await coordinator.connectedRunner('skewed', project, { now: () => now() + ahead });
    const { id } = await coordinator.run(project);
    const operation = await skewed.nextOperation();
    const journal = new JournalWriter(operation, () => now() + ahead);
    skewed.sendRecords(operation.operation, 1, journal.whole());
    await eventually(async () => (await skewed.next('ack')).final);
    expect((await coordinator.view(id)).steps[0]?.startedAt).toBe(new Date(now()).toISOString());
  });
});

describe('frames that no honest agent sends', () => {
  it('change nothing and end nothing but, when there are many, their session', async () => {
    const { id, ref, journal } = await given();
    const frames = fc.record({
      operation: fc.oneof(fc.constant(ref.operation), fc.uuid()),
      attempt: fc.oneof(fc.constant(1), fc.nat(0xffffffff)),
      records: fc.uint8Array({ maxLength: 300 }),
      cut: fc.nat(400),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(frames, { maxLength: 15 }), async (sent) => {
        for (const { operation, attempt, records, cut } of sent) {
          agent.sendFrame(operation, attempt, records);
          agent.sendRaw(new Uint8Array([1, 0, 0, 0, 1, 0, 0, 0, ...records]).subarray(0, cut));
        }
        agent.kill();
        await agent.connect([heldOf(ref, 0)]);
      }),
      { numRuns: 30 },
    );
    agent.sendRecords(ref.operation, 1, journal.whole());
    await agent.finalAck();
    expect(await coordinator.view(id)).toMatchObject({ state: 'succeeded', output: { records: 5 } });
  });
});

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

describe.skipIf(!isRoot)('a full disk of the coordinator (needs root on Linux, to mount a small one)', () => {
  it('acknowledges nothing that is not stored, and goes on by itself when there is room', async () => {
    const folder = join(coordinator.folder, 'journals');
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'none', folder]);
    try {
      const { id, ref, journal } = await given();
      const text = 'x'.repeat(400_000);
      const records = journal.whole(text);
      agent.sendRecords(ref.operation, 1, records.slice(0, 2));
      expect(await agent.next('ack')).toMatchObject({ next: 2 });
      agent.sendRecords(ref.operation, 1, records.slice(2));
      const kind = () => coordinator.journals.append(ref.operation, 1, bytesOf(records.slice(3))).kind;
      // First they are taken, then they turn out not to fit.
      await eventually(() => kind() === 'duplicate');
      await eventually(() => kind() === 'gap');
      expect((await coordinator.view(id)).output.records).toBe(2);
      execFileSync('mount', ['-o', 'remount,size=8m', folder]);
      while (!agent.heard.some((message) => message.type === 'resume-from')) {
        coordinator.clock.advance(1000);
        agent.beat([ref]);
        await agent.next('beat');
      }
      expect(await agent.next('resume-from')).toMatchObject({ from: 2 });
      agent.sendRecords(ref.operation, 1, records.slice(2));
      await agent.finalAck();
      expect(await coordinator.view(id)).toMatchObject({ state: 'succeeded', output: { records: 5, complete: true } });
      const whole = await (await coordinator.call(`/executions/${id}/output?format=text`)).text();
      expect(whole === text).toBe(true);
    } finally {
      await coordinator.stop();
      execFileSync('umount', [folder]);
      await coordinator.up();
    }
  });
});

describe('the last acknowledgement', () => {
  it('comes only when the end is in the tables, whatever the disk says meanwhile', async () => {
    const { id, ref, journal } = await given();
    const { store } = coordinator;
    const write = store.write.bind(store);
    let storedRecords = false;
    let failures = 0;
    store.write = ((unit: Parameters<typeof write>[0]) => {
      // The first one is that of the records.
      if (!storedRecords) {
        storedRecords = true;
        return write(unit);
      }
      failures += 1;
      return failures <= 2 ? Promise.reject(new Error('The disk is full.')) : write(unit);
    }) as typeof store.write;
    agent.sendRecords(ref.operation, 1, journal.whole());
    await eventually(() => failures > 0);
    await agent.next('ack');
    expect(agent.heard.some((message) => message.type === 'ack' && message.final)).toBe(false);
    await eventually(() => {
      // Time passes only until the third try: more of it, while the disk is really written, would end the session as silent.
      if (failures <= 2) coordinator.clock.advance(1000);
      return agent.heard.some((message) => message.type === 'ack' && message.final);
    });
    const row = await store.read.selectFrom('execution').select('state').where('id', '=', id).executeTakeFirst();
    expect(row?.state).toBe('succeeded');
  });
});
