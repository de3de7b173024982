import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { operationSigningText } from '../../protocol/wire.ts';
import { heldOnDisk } from '../testing/held-on-disk.ts';
import { outcomeOf } from '../testing/journal-view.ts';
import { type TestAgentOptions, testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf, type TestCoordinator } from '../testing/test-coordinator.ts';

async function ready(options: TestAgentOptions = {}) {
  const coordinator = await testCoordinator();
  const agent = await testAgent(coordinator, options);
  await coordinator.connected();
  return { coordinator, agent };
}

const echo = (text: string) => [{ type: 'command' as const, command: `echo ${text}` }];
const sleeping = [{ type: 'command' as const, command: 'echo ready; sleep 300' }];

function send(coordinator: TestCoordinator, offer: { payload: string; signature: string }): void {
  coordinator.session?.send({ type: 'operation', payload: offer.payload, signature: offer.signature });
}

test('an operation is accepted before the first of its records', async () => {
  const { coordinator } = await ready();
  const operation = await coordinator.offer(echo('x'));
  await coordinator.finished(operation);
  const accepted = await coordinator.said('accepted');
  expect(accepted).toEqual({ type: 'accepted', operation, attempt: 1 });
});

test('an operation that was altered on the way is refused', async () => {
  const { coordinator } = await ready();
  const offer = coordinator.makeOperation(echo('innocent'));
  send(coordinator, { ...offer, payload: offer.payload.replace('innocent', 'malicious') });
  expect(await coordinator.said('refused')).toMatchObject({
    operation: offer.operation.operation,
    code: 'operation-signature',
  });
});

test.each(['replica', 'runner'] as const)('an operation for another %s is refused', async (field) => {
  const { coordinator } = await ready();
  send(coordinator, coordinator.makeOperation(echo('x'), {}, { [field]: randomUUID() }));
  expect((await coordinator.said('refused')).code).toBe('operation-not-mine');
});

test('an operation that is offered too late is refused, by the clock of the coordinator', async () => {
  const { coordinator } = await ready();
  send(coordinator, coordinator.makeOperation(echo('x'), {}, { acceptBefore: Date.now() - 1500 }));
  expect(await coordinator.said('refused')).toMatchObject({
    code: 'operation-expired',
    detail: 'It had to be accepted 2 s ago.',
  });
});

test('an operation that is no operation is answered with an error', async () => {
  const { coordinator } = await ready();
  const payload = '{"operation": 1}';
  send(coordinator, { payload, signature: coordinator.sign(operationSigningText(payload)) });
  expect((await coordinator.said('error')).detail).toContain('cannot be read');
});

test('an offer that is repeated is answered again and run once', async () => {
  const { coordinator, agent } = await ready();
  const offer = coordinator.makeOperation([
    { type: 'command', command: `echo run >> '${join(agent.folder, 'runs')}'; cat '${join(agent.folder, 'runs')}'` },
  ]);
  for (let i = 0; i < 3; i++) send(coordinator, offer);
  const records = await coordinator.finished(offer.operation.operation);
  send(coordinator, offer);
  await expect.poll(() => coordinator.heard.filter(({ type }) => type === 'accepted').length).toBeGreaterThanOrEqual(2);
  expect(outputOf(records).toString()).toBe('run\n');
});

test('an offer that is replayed after everything was deleted, and after a restart, is not run again', async () => {
  const { coordinator, agent } = await ready();
  const file = join(agent.folder, 'runs');
  const offer = coordinator.makeOperation([{ type: 'command', command: `echo run >> '${file}'` }]);
  send(coordinator, offer);
  await coordinator.finished(offer.operation.operation);
  await expect.poll(() => heldOnDisk(join(agent.state, 'operations'))).toEqual([]);
  agent.stop('restart');
  await agent.ended;
  await coordinator.disconnected();
  await testAgent(coordinator, { folder: agent.folder, config: { enrolment: undefined } });
  await coordinator.connected();
  coordinator.heard.length = 0;
  send(coordinator, offer);
  await coordinator.said('accepted');
  const check = await coordinator.finished(
    await coordinator.offer([{ type: 'command', command: `wc -l < '${file}'` }]),
  );
  expect(outputOf(check).toString().trim()).toBe('1');
});

test('a newer attempt is refused while an older one runs, and an older one always', async () => {
  const { coordinator } = await ready();
  const first = coordinator.makeOperation(sleeping, { graceSeconds: 0 }, { attempt: 2 });
  send(coordinator, first);
  await coordinator.said('accepted');
  const { operation } = first.operation;
  send(coordinator, coordinator.makeOperation(sleeping, {}, { operation, attempt: 3 }));
  expect(await coordinator.said('refused', ({ attempt }) => attempt === 3)).toMatchObject({ code: 'conflict' });
  send(coordinator, coordinator.makeOperation(sleeping, {}, { operation, attempt: 1 }));
  expect(await coordinator.said('refused', ({ attempt }) => attempt === 1)).toMatchObject({ code: 'conflict' });
});

test('a newer attempt takes the place of one that still waits', async () => {
  const { coordinator, agent } = await ready();
  coordinator.session?.send({ type: 'maximum', maximum: 1 });
  const blocker = await coordinator.offer(sleeping, { graceSeconds: 0 });
  await coordinator.recorded(blocker, ({ kind }) => kind === 'output');
  const file = join(agent.folder, 'who');
  const say = (who: string) => [{ type: 'command' as const, command: `echo ${who} >> '${file}'; cat '${file}'` }];
  const operation = randomUUID();
  send(coordinator, coordinator.makeOperation(say('first'), {}, { operation, attempt: 1 }));
  await coordinator.said('accepted', (message) => message.operation === operation);
  send(coordinator, coordinator.makeOperation(say('second'), {}, { operation, attempt: 2 }));
  await coordinator.said('accepted', (message) => message.operation === operation && message.attempt === 2);
  coordinator.session?.send({ type: 'cancel', operation: blocker, attempt: 1, reason: '', graceSeconds: 0 });
  expect(outputOf(await coordinator.finished(operation, 2)).toString()).toBe('second\n');
  expect(coordinator.journal(operation, 1).records).toEqual([]);
});

test('no more run at once than the coordinator allows; the rest waits in order and is reported', async () => {
  const { coordinator, agent } = await ready();
  coordinator.session?.send({ type: 'maximum', maximum: 2 });
  const file = join(agent.folder, 'order');
  const operations: string[] = [];
  for (let i = 0; i < 6; i++) {
    operations.push(await coordinator.offer([{ type: 'command', command: `echo ${i} >> '${file}'; sleep 0.4` }]));
  }
  const busy = await coordinator.said('heartbeat', ({ queued }) => queued >= 3);
  expect(busy).toMatchObject({ running: 2, maximum: 2 });
  expect(busy.operations.length).toBe(busy.running + busy.queued);
  for (const operation of operations) await coordinator.finished(operation);
  const order = outputOf(
    await coordinator.finished(await coordinator.offer([{ type: 'command', command: `cat '${file}'` }])),
  );
  const seen = order.toString().trim().split('\n').map(Number);
  // Two start together, in either order; no pair overtakes another.
  expect([seen.slice(0, 2).sort(), seen.slice(2, 4).sort(), seen.slice(4).sort()]).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
});

test('the agent has a limit of its own that the coordinator cannot raise', async () => {
  const { coordinator } = await ready({ env: { OUTRUNNER_MAX_OPERATIONS: '3' } });
  expect((await coordinator.connected()).hello.maximum).toBe(3);
  coordinator.session?.send({ type: 'maximum', maximum: 40 });
  await coordinator.said('heartbeat');
  expect((await coordinator.said('heartbeat')).maximum).toBe(3);
});

test('work goes on while the connection is down, and its journal arrives whole afterwards', async () => {
  const { coordinator } = await ready();
  const operation = await coordinator.offer([
    { type: 'command', command: 'for i in $(seq 1 200); do echo line $i; sleep 0.005; done' },
    { type: 'command', command: 'echo second step' },
  ]);
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  await coordinator.stop();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await coordinator.start();
  const records = await coordinator.finished(operation);
  const expected = `${Array.from({ length: 200 }, (_, i) => `line ${i + 1}\n`).join('')}second step\n`;
  expect(outputOf(records).toString()).toBe(expected);
  expect(records.map(({ number }) => number)).toEqual([...records.keys()]);
});

test('the connection may break again and again: no record is lost and none comes twice', async () => {
  const { coordinator } = await ready();
  const operation = await coordinator.offer([{ type: 'command', command: 'seq 1 300000' }]);
  let broken = 0;
  coordinator.events.on('records', () => {
    const { next } = coordinator.journal(operation);
    if (broken < 5 && next > broken * 8 + 4) {
      broken += 1;
      coordinator.session?.socket.terminate();
    }
  });
  const records = await coordinator.finished(operation);
  expect(broken).toBe(5);
  expect(outputOf(records).toString()).toBe(Array.from({ length: 300_000 }, (_, i) => `${i + 1}\n`).join(''));
}, 30_000);

test('one that floods does not hold up the others: they start, print and end beside it', async () => {
  const { coordinator } = await ready();
  const flood = await coordinator.offer([{ type: 'command', command: 'yes' }], { graceSeconds: 0 });
  await coordinator.recorded(flood, ({ number }) => number > 10);
  for (let i = 0; i < 5; i++) {
    const records = await coordinator.finished(await coordinator.offer(echo(`beside ${i}`)));
    expect(outputOf(records).toString()).toBe(`beside ${i}\n`);
  }
  expect(coordinator.journal(flood).records.at(-1)?.kind).toBe('output');
  coordinator.session?.send({ type: 'cancel', operation: flood, attempt: 1, reason: '', graceSeconds: 0 });
  expect(outcomeOf(await coordinator.finished(flood)).outcome).toBe('aborted');
});

test('a coordinator that asks to send again from a record gets it from there', async () => {
  const { coordinator } = await ready();
  coordinator.behaviour.acknowledges = false;
  const operation = await coordinator.offer(echo('again'));
  await coordinator.finished(operation);
  const journal = coordinator.journal(operation);
  journal.records.length = 2;
  journal.next = 2;
  coordinator.behaviour.acknowledges = true;
  coordinator.session?.send({ type: 'resume-from', operation, attempt: 1, from: 2 });
  const records = await coordinator.finished(operation);
  expect(records.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4]);
});

test('what the coordinator needs no more is deleted, and stopped if it still runs', async () => {
  const { coordinator, agent } = await ready();
  const operation = await coordinator.offer(sleeping, { graceSeconds: 0 });
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  coordinator.session?.send({ type: 'ack', operation, attempt: 1, next: 3, final: true });
  await expect.poll(() => heldOnDisk(join(agent.state, 'operations'))).toEqual([]);
  await coordinator.said('heartbeat', ({ running }) => running === 0);
});

test('an operation that cannot be written down is refused, and is not run', async () => {
  const { coordinator, agent } = await ready();
  const root = join(agent.state, 'operations');
  await rename(root, `${root}.away`);
  const operation = await coordinator.offer(echo('x'));
  const detail = 'It could not be written down: ENOENT.';
  expect(await coordinator.said('refused')).toMatchObject({ operation, code: 'internal', detail });
  await rename(`${root}.away`, root);
  expect(outputOf(await coordinator.finished(await coordinator.offer(echo('y')))).toString()).toBe('y\n');
  expect(coordinator.journal(operation).records).toEqual([]);
});

test('below the disk floor new work is refused with the reason, and the heartbeat says so', async () => {
  const { coordinator } = await ready({ env: { OUTRUNNER_DISK_FLOOR_MB: '900000000' } });
  await coordinator.offer(echo('x'));
  expect((await coordinator.said('refused')).code).toBe('agent-disk-full');
  const heartbeat = await coordinator.said('heartbeat');
  expect(heartbeat.checks.find(({ check }) => check === 'disk')).toMatchObject({ ok: false });
});

test('what was never accepted to its end, or is forgotten already, is deleted at the next start', async () => {
  const first = await ready();
  first.agent.stop('next');
  await first.agent.ended;
  const folder = join(first.agent.state, 'operations');
  await writeFile(join(folder, 'slot-0'), 'A{"payload": "{\\"oper');
  await writeFile(join(folder, 'slot-1'), '');
  await writeFile(join(folder, 'slot-23'), Buffer.alloc(4096));
  const forgotten = join(folder, `${randomUUID()}.2`);
  await mkdir(join(forgotten, 'left'), { recursive: true });
  await mkdir(`${forgotten}.scripts`);
  await writeFile(`${forgotten}.0000000123.log`, 'x');
  await testAgent(first.coordinator, { folder: first.agent.folder, config: { enrolment: undefined } });
  const { hello } = await first.coordinator.connected();
  expect(hello.operations).toEqual([]);
  expect(await readdir(join(first.agent.state, 'operations'))).toEqual(['ended.jsonl']);
});

test('many small operations at once all end, each with its own output', async () => {
  const { coordinator } = await ready();
  const operations = await Promise.all(Array.from({ length: 200 }, (_, i) => coordinator.offer(echo(`number ${i}`))));
  const outputs = await Promise.all(
    operations.map(async (operation) => outputOf(await coordinator.finished(operation)).toString()),
  );
  expect(outputs).toEqual(Array.from({ length: 200 }, (_, i) => `number ${i}\n`));
  for (const operation of operations)
    expect(outcomeOf(coordinator.journal(operation).records).outcome).toBe('succeeded');
}, 30_000);
