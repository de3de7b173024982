import { createHash } from 'node:crypto';
import { get } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutputEntrySchema } from '../../protocol/api/executions.ts';
import { encodeRecord, JournalReader, type JournalRecord } from '../../protocol/journal.ts';
import type { Operation } from '../../protocol/operation.ts';
import { JournalWriter } from '../testing/journal-records.ts';
import type { SimulatedAgent } from '../testing/simulated-agent.ts';
import { commands, eventually, TEST_TOKEN, TestCoordinator } from '../testing/test-coordinator.ts';

let coordinator: TestCoordinator;
let project: { id: string; name: string };
let agent: SimulatedAgent;
const stuck: { destroy(): void }[] = [];
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
  project = await coordinator.addProject();
  ({ agent } = await coordinator.connectedRunner('one', project));
});
afterEach(async () => {
  for (const request of stuck.splice(0)) request.destroy();
  await coordinator.end();
});

async function begin(...lines: string[]): Promise<{ id: string; operation: Operation; journal: JournalWriter }> {
  const { id } = await coordinator.run(project, { workflow: commands(...(lines.length > 0 ? lines : ['true'])) });
  const operation = await agent.nextOperation();
  agent.send({ type: 'accepted', operation: operation.operation, attempt: 1 });
  return { id, operation, journal: new JournalWriter(operation, () => coordinator.clock.now()) };
}

async function send(operation: Operation, records: JournalRecord[]): Promise<void> {
  agent.sendRecords(operation.operation, 1, records);
  const last = records.at(-1)?.number ?? 0;
  await eventually(async () => (await agent.next('ack')).next > last);
}

const output = (id: string, query = '') => coordinator.call(`/executions/${id}/output${query}`);

async function entries(answer: Response) {
  const text = await answer.text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => OutputEntrySchema.parse(JSON.parse(line)));
}

describe('output', () => {
  it('is read in parts that fit together, in each format', async () => {
    const { id, operation, journal } = await begin('a', 'b');
    const records = [
      journal.started(),
      journal.stepStarted(0),
      journal.output(0, 'first '),
      journal.output(0, Buffer.from('gr\u00fc\u00dfe\n').subarray(0, 3)),
      journal.output(0, Buffer.from('gr\u00fc\u00dfe\n').subarray(3)),
      journal.stepFinished(0),
      journal.stepStarted(1),
      journal.output(1, 'oh dear\n', 'stderr'),
      journal.stepFinished(1, 1),
      journal.finished('failed'),
    ];
    await send(operation, records);
    await eventually(async () => (await coordinator.view(id)).output.complete);
    const whole = Buffer.concat(records.map(encodeRecord));

    const journalBytes = Buffer.from(await (await output(id, '?format=journal')).arrayBuffer());
    expect(journalBytes.equals(whole)).toBe(true);
    expect(await (await output(id, '?format=text')).text()).toBe('first gr\u00fc\u00dfe\noh dear\n');
    expect(await (await output(id, '?format=text&step=1')).text()).toBe('oh dear\n');
    const lines = await entries(await output(id));
    expect(lines.map((line) => line.kind)).toEqual(records.map((record) => record.kind));
    // The character that was cut in two is whole again, in the record that completes it.
    expect(lines[3]?.text).toBe('gr');
    expect(lines[4]?.text).toBe('\u00fc\u00dfe\n');
    expect(lines[9]?.detail).toMatchObject({ outcome: 'failed' });
    expect(lines.at(-1)?.next).toBe(whole.length);

    let from = 0;
    const parts: Buffer[] = [];
    while (from < whole.length) {
      const answer = await output(id, `?format=journal&from=${from}&limit=70`);
      parts.push(Buffer.from(await answer.arrayBuffer()));
      const next = Number(answer.headers.get('x-next-offset'));
      expect(next).toBe(from + (parts.at(-1)?.length ?? 0));
      expect(lines.some((line) => line.next === next)).toBe(true);
      from = next;
    }
    expect(Buffer.concat(parts).equals(whole)).toBe(true);
    expect(parts.length).toBeGreaterThan(3);
    const only = Buffer.from(await (await output(id, '?format=journal&step=1')).arrayBuffer());
    expect(new JournalReader().push(only).map((record) => record.number)).toEqual([6, 7, 8]);
  });

  it('refuses offsets and steps that do not exist, naming the field', async () => {
    const { id, operation, journal } = await begin();
    await send(operation, [journal.started(), journal.stepStarted(0)]);
    for (const [query, status, path] of [
      ['?from=5', 400, 'query.from'],
      ['?from=100000', 416, 'query.from'],
      ['?from=-1', 400, 'query.from'],
      ['?step=1', 400, 'query.step'],
      ['?format=pdf', 400, 'query.format'],
      ['?limit=0', 400, 'query.limit'],
      ['?from=5&follow=true', 400, 'query.from'],
    ] as const) {
      const answer = await output(id, query);
      expect([query, answer.status]).toEqual([query, status]);
      expect(await answer.json()).toMatchObject({ fields: [{ path }] });
    }
    expect((await output(crypto.randomUUID())).status).toBe(404);
  });

  it('is followed from before its start to its end, which ends the stream', async () => {
    agent.kill();
    await eventually(() => coordinator.gateway.link.replica(agent.identity.replica)?.connected === false);
    const { id } = await coordinator.run(project);
    const following = output(id, '?format=text&follow=true').then((answer) => answer.text());
    await agent.connect();
    const operation = await agent.nextOperation();
    const journal = new JournalWriter(operation, () => coordinator.clock.now());
    await send(operation, [journal.started(), journal.stepStarted(0), journal.output(0, 'one\n')]);
    await send(operation, [journal.output(0, 'two\n')]);
    await send(operation, [journal.stepFinished(0), journal.finished()]);
    expect(await following).toBe('one\ntwo\n');
    expect(await (await output(id, '?format=text&follow=true')).text()).toBe('one\ntwo\n');
  });

  it('that is followed ends with an execution that never ran, and with the coordinator', async () => {
    agent.kill();
    await eventually(() => coordinator.gateway.link.replica(agent.identity.replica)?.connected === false);
    const { id } = await coordinator.run(project);
    const following = output(id, '?follow=true').then((answer) => answer.text());
    await coordinator.call(`/executions/${id}/cancel`, {});
    expect(await following).toBe('');
    const { id: other } = await coordinator.run(project);
    // Once its answer has begun: a call that came after the restart would follow what never ends.
    const answer = await output(other, '?follow=true');
    const cut = answer.text().catch(() => 'cut off');
    await coordinator.restart();
    await cut;
  });

  it('of 200 MB passes through with bounded memory, byte for byte, also past a viewer that does not read', async () => {
    const { id, operation, journal } = await begin();
    await stuckViewer(id);
    const chunk = 250_000;
    const count = 800;
    const hash = createHash('sha256');
    const line = Buffer.alloc(chunk);
    let peak = 0;
    agent.sendRecords(operation.operation, 1, [journal.started(), journal.stepStarted(0)]);
    let acknowledged = 0;
    for (let i = 0; i < count; i++) {
      line.fill(`${i} the quick brown fox jumps over the lazy dog\n`);
      hash.update(line);
      agent.sendRecords(operation.operation, 1, [journal.output(0, line)]);
      // What an agent does: it keeps a window open and waits for acknowledgements.
      while (journal.next - acknowledged > 40) acknowledged = (await agent.next('ack')).next;
      peak = Math.max(peak, process.memoryUsage().arrayBuffers);
    }
    agent.sendRecords(operation.operation, 1, [journal.stepFinished(0), journal.finished()]);
    await eventually(async () => (await agent.next('ack')).final);
    expect((await coordinator.view(id)).output.bytes).toBeGreaterThan(count * chunk);
    const seen = createHash('sha256');
    const answer = await output(id, '?format=text&follow=true');
    for await (const bytes of answer.body as ReadableStream<Uint8Array>) {
      seen.update(bytes);
      peak = Math.max(peak, process.memoryUsage().arrayBuffers);
    }
    expect(seen.digest('hex')).toBe(hash.digest('hex'));
    // The agent, the coordinator and the viewers share this process.
    expect(peak).toBeLessThan(170_000_000);
  }, 60_000);
});

/** A viewer that asks for the output and then reads nothing. */
function stuckViewer(id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(
      `${coordinator.url}/api/v1/executions/${id}/output?format=journal&follow=true`,
      { headers: { authorization: `Bearer ${TEST_TOKEN}` } },
      (answer) => {
        answer.pause();
        answer.on('error', () => resolve());
        stuck.push(request);
        resolve();
      },
    );
    request.on('error', reject);
  });
}
