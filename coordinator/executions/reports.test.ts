import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeRecord, type JournalRecord } from '../../protocol/journal.ts';
import type { Operation } from '../../protocol/operation.ts';
import { JournalWriter } from '../testing/journal-records.ts';
import type { SimulatedAgent } from '../testing/simulated-agent.ts';
import { eventually, TestCoordinator } from '../testing/test-coordinator.ts';

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

interface Given {
  readonly id: string;
  readonly operation: Operation;
  readonly ref: { operation: string; attempt: number };
  readonly journal: JournalWriter;
}

/** An execution that the agent was given; accepted unless told otherwise. */
async function given(accept = true): Promise<Given> {
  const { id } = await coordinator.run(project);
  const operation = await agent.nextOperation();
  const ref = { operation: operation.operation, attempt: operation.attempt };
  if (accept) {
    agent.send({ type: 'accepted', ...ref });
    await eventually(async () => (await coordinator.view(id)).operation.state === 'accepted');
  }
  return { id, operation, ref, journal: new JournalWriter(operation, now) };
}

async function finalAck(): Promise<void> {
  await eventually(async () => (await agent.next('ack')).final);
}

const held = (ref: Given['ref'], next: number, finished = false) => ({ ...ref, first: 0, next, finished });

function journalFile(operation: string): Promise<Buffer> {
  return readFile(join(coordinator.folder, 'journals', operation.slice(0, 2), `${operation}.journal`));
}

const bytesOf = (records: readonly JournalRecord[]) => Buffer.concat(records.map(encodeRecord));

describe('journal frames', () => {
  it('are acknowledged again when they come twice, and stored once', async () => {
    const { ref, journal } = await given();
    const records = journal.whole();
    for (let i = 0; i < 3; i++) agent.sendRecords(ref.operation, 1, records.slice(0, 3));
    await eventually(async () => (await agent.next('ack')).next === 3);
    agent.sendRecords(ref.operation, 1, records);
    await finalAck();
    expect(await journalFile(ref.operation)).toEqual(bytesOf(records));
  });

  it('are asked for again from the gap, once for a flood of them', async () => {
    const { ref, journal } = await given();
    const records = journal.whole();
    agent.sendRecords(ref.operation, 1, records.slice(0, 1));
    for (let i = 0; i < 5; i++) agent.sendRecords(ref.operation, 1, records.slice(3));
    expect(await agent.next('resume-from')).toEqual({ type: 'resume-from', ...ref, from: 1 });
    agent.sendRecords(ref.operation, 1, records.slice(1));
    await finalAck();
    expect(agent.heard.filter((message) => message.type === 'resume-from')).toHaveLength(1);
    expect(await journalFile(ref.operation)).toEqual(bytesOf(records));
  });

  it('that are damaged are refused and change nothing; the sound ones after them are taken', async () => {
    const { ref, journal } = await given();
    const records = journal.whole();
    const bad = bytesOf(records);
    bad[40] = (bad[40] as number) ^ 1;
    agent.sendFrame(ref.operation, 1, bad);
    expect(await agent.next('error')).toMatchObject({ detail: expect.stringContaining('not whole journal records') });
    agent.sendRecords(ref.operation, 1, records);
    await finalAck();
    expect(await journalFile(ref.operation)).toEqual(bytesOf(records));
  });

  it('of somebody else’s operation, or of an older attempt, are disowned', async () => {
    const { id, ref, journal } = await given();
    const { agent: other } = await coordinator.connectedRunner('two', project);
    other.sendRecords(ref.operation, 1, journal.whole());
    expect(await other.next('ack')).toMatchObject({ final: true, next: 0 });
    agent.sendRecords(ref.operation, 7, journal.whole());
    expect(await agent.next('ack')).toMatchObject({ final: true, next: 0, attempt: 7 });
    expect(await coordinator.view(id)).toMatchObject({ state: 'running', output: { bytes: 0 } });
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
          await finalAck();
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
    await finalAck();
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
    await finalAck();
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
        await agent.connect([held(ref, 0)]);
      }),
      { numRuns: 30 },
    );
    agent.sendRecords(ref.operation, 1, journal.whole());
    await finalAck();
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
      await finalAck();
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
    let failures = 0;
    store.write = ((unit: Parameters<typeof write>[0]) => {
      failures += 1;
      return failures <= 2 ? Promise.reject(new Error('The disk is full.')) : write(unit);
    }) as typeof store.write;
    agent.sendRecords(ref.operation, 1, journal.whole());
    await eventually(() => failures > 0);
    await agent.next('ack');
    expect(agent.heard.some((message) => message.type === 'ack' && message.final)).toBe(false);
    await eventually(() => {
      coordinator.clock.advance(1000);
      return agent.heard.some((message) => message.type === 'ack' && message.final);
    });
    const row = await store.read.selectFrom('execution').select('state').where('id', '=', id).executeTakeFirst();
    expect(row?.state).toBe('succeeded');
  });
});

describe('a break of the connection', () => {
  it('is bridged: the agent is told from where to send, and the log is complete', async () => {
    const { id, ref, journal } = await given();
    const records = journal.whole('before and after\n');
    agent.sendRecords(ref.operation, 1, records.slice(0, 2));
    await agent.next('ack');
    agent.kill();
    const welcome = await agent.connect([held(ref, 5, true)]);
    expect(welcome.resume).toEqual([{ ...ref, from: 2, drop: false }]);
    agent.sendRecords(ref.operation, 1, records.slice(2));
    await finalAck();
    expect(await coordinator.view(id)).toMatchObject({ state: 'succeeded', output: { records: 5, complete: true } });
  });

  it('takes what the agent holds for accepted, although it could not say so', async () => {
    const { id, ref } = await given(false);
    agent.kill();
    await agent.connect([held(ref, 0)]);
    await eventually(async () => (await coordinator.view(id)).state === 'running');
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
    await eventually(async () => (await coordinator.view(id)).state === 'running');
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
    await finalAck();
    agent.kill();
    const unknown = { operation: crypto.randomUUID(), attempt: 1 };
    const welcome = await agent.connect([held(ref, 5, true), held(unknown, 3)]);
    expect(welcome.resume.map((entry) => entry.drop)).toEqual([true, true]);
  });

  it('ends as lost what has a hole that neither end can fill', async () => {
    const { id, ref } = await given();
    agent.kill();
    const welcome = await agent.connect([{ ...ref, first: 4, next: 9, finished: false }]);
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
      const welcome = await agent.connect([held(ref, 5, true)]);
      expect(welcome.resume).toEqual([{ ...ref, from: 3, drop: false }]);
      agent.sendRecords(ref.operation, 1, records.slice(3));
      await finalAck();
      expect(await coordinator.view(id)).toMatchObject({ state: 'succeeded', output: { records: 5, complete: true } });
      expect(await journalFile(ref.operation)).toEqual(bytesOf(records));
    });
  }

  it('reads from the journal what the tables do not know, even the end', async () => {
    const { id, ref, journal } = await given();
    const records = journal.whole();
    agent.sendRecords(ref.operation, 1, records);
    await finalAck();
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
    expect((await agent.connect([held(ref, 5, true)])).resume).toMatchObject([{ drop: true }]);
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

    const welcome = await agent.connect([held(ref, 5, true)]);
    expect(welcome.resume).toEqual([{ ...ref, from: 2, drop: false }]);
    agent.sendRecords(ref.operation, 1, records.slice(2));
    await finalAck();
    const after = await coordinator.view(id);
    expect(after).toMatchObject({ state: 'lost', steps: [{ state: 'lost' }], output: { records: 5, complete: true } });
    expect(after.notes).toMatchObject([{ text: expect.stringContaining('ended as succeeded') }]);
  });

  it('is renewed by heartbeats, not by output', async () => {
    const { id, ref } = await given();
    for (let i = 0; i < 50; i++) {
      coordinator.clock.advance(20_000);
      agent.beat([ref]);
      await agent.next('beat');
    }
    expect((await coordinator.view(id)).state).toBe('running');
  });

  it('is not ended by a wall clock that leaps', async () => {
    const { id } = await given();
    agent.kill();
    coordinator.clock.jump(86_400_000);
    coordinator.clock.advance(5000);
    expect((await coordinator.view(id)).state).toBe('running');
  });

  it('leaves an agent time to come back after a long absence of the coordinator', async () => {
    const { id, ref } = await given();
    const port = coordinator.url;
    coordinator.clock.jump(3_600_000);
    await coordinator.restart();
    expect(coordinator.url).toBe(port);
    coordinator.clock.advance(60_000);
    expect((await coordinator.view(id)).state).toBe('running');
    await agent.connect([held(ref, 0)]);
    coordinator.clock.advance(70_000);
    expect((await coordinator.view(id)).state).toBe('running');
  });

  it('that lapses while it still runs: the agent that comes back is told to stop it', async () => {
    const { id, ref } = await given();
    agent.kill();
    coordinator.clock.advance(602_000);
    await eventually(async () => !coordinator.executions.records.ofExecution(id));
    await agent.connect([held(ref, 2)], 1);
    expect(await agent.next('cancel')).toMatchObject(ref);
  });

  it('ends at once with the identity: a revoked replica never reports again', async () => {
    const { id } = await given();
    coordinator.gateway.presence.revoke(agent.identity.replica);
    expect(await coordinator.view(id)).toMatchObject({ state: 'lost', reason: expect.stringContaining('revoked') });
  });
});
