import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { outcomeOf, stepEnds } from '../testing/journal-view.ts';
import { processesOf } from '../testing/processes-of.ts';
import { testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

async function ready() {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  const start = () => runAgentProgram(['run'], { cwd: folder });
  const agent = start();
  await coordinator.connected();
  const kill = async (victim = agent) => {
    victim.child.kill('SIGKILL');
    await victim.exited;
    // What is offered before that would go to the one that is dead.
    await coordinator.disconnected();
  };
  return { coordinator, folder, start, agent, kill };
}

test('an agent that is killed while a step runs ends it after its restart, with a clear outcome', async () => {
  const { coordinator, kill, start } = await ready();
  const operation = await coordinator.offer([
    { type: 'command', command: 'echo done' },
    { type: 'command', command: 'setsid sleep 300 & echo ready; sleep 300' },
    { type: 'command', command: 'echo never' },
  ]);
  await coordinator.recorded(operation, ({ kind, step }) => kind === 'output' && step === 1);
  await kill();
  expect(processesOf(operation).length).toBeGreaterThan(0);
  start();
  const records = await coordinator.finished(operation);
  expect(stepEnds(records).map(({ step, reason }) => [step, reason])).toEqual([
    [0, 'completed'],
    [1, 'agent-restarted'],
    [2, 'skipped'],
  ]);
  expect(outcomeOf(records)).toMatchObject({ outcome: 'failed', survivors: [] });
  expect(records.map(({ number }) => number)).toEqual([...records.keys()]);
  expect(processesOf(operation)).toEqual([]);
});

test('after a crash, what ran of operations whose folder is gone is ended, and what had ended in order is let alone', async () => {
  const { coordinator, folder, kill, start } = await ready();
  const kept = await coordinator.offer([{ type: 'command', command: 'setsid sleep 300 >/dev/null 2>&1 &' }]);
  await coordinator.finished(kept);
  const [daemon = 0] = processesOf(kept);
  onTestFinished(() => void process.kill(daemon, 'SIGKILL'));
  const operation = await coordinator.offer([{ type: 'command', command: 'setsid sleep 300 & echo ready; wait' }]);
  await expect.poll(() => readFile(join(folder, 'state', 'status.json'), 'utf8')).toContain(operation);
  await kill();
  expect(processesOf(operation).length).toBeGreaterThan(0);
  await rm(join(folder, 'state', 'operations'), { recursive: true });
  start();
  await expect.poll(() => processesOf(operation)).toEqual([]);
  expect(processesOf(kept)).toEqual([daemon]);
});

test('what was printed before a crash and not yet sent is sent after the restart', async () => {
  const { coordinator, kill, start, folder } = await ready();
  coordinator.behaviour.acknowledges = false;
  const marker = join(folder, 'printed');
  const operation = await coordinator.offer([
    { type: 'command', command: `seq 1 50000; touch '${marker}'; sleep 300` },
  ]);
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  await coordinator.stop();
  await expect
    .poll(() =>
      readFile(marker).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  await kill();
  coordinator.journals.clear();
  coordinator.behaviour.acknowledges = true;
  await coordinator.start();
  start();
  const records = await coordinator.finished(operation);
  // What the pipe held when the agent died is gone; everything that reached its disk is there, without a gap.
  const whole = Array.from({ length: 50_000 }, (_, i) => `${i + 1}\n`).join('');
  expect(whole.startsWith(outputOf(records).toString())).toBe(true);
  expect(outputOf(records).length).toBeGreaterThan(0);
});

test('what waited in the queue when the agent was killed runs after the restart, once', async () => {
  const { coordinator, kill, start, folder } = await ready();
  coordinator.behaviour.maximum = 1;
  coordinator.session?.send({ type: 'maximum', maximum: 1 });
  const blocker = await coordinator.offer([{ type: 'command', command: 'echo ready; sleep 300' }]);
  await coordinator.recorded(blocker, ({ kind }) => kind === 'output');
  const file = join(folder, 'runs');
  const waiting: string[] = [];
  for (let i = 0; i < 3; i++)
    waiting.push(await coordinator.offer([{ type: 'command', command: `echo ${i} >> '${file}'` }]));
  for (const operation of waiting) await coordinator.said('accepted', (message) => message.operation === operation);
  await kill();
  start();
  for (const operation of waiting) expect(outcomeOf(await coordinator.finished(operation)).outcome).toBe('succeeded');
  expect(await readFile(file, 'utf8')).toBe('0\n1\n2\n');
});

test('after a power cut, an operation that may have begun is not run again', async () => {
  const { coordinator, kill, start, folder } = await ready();
  const file = join(folder, 'runs');
  const operation = await coordinator.offer([
    { type: 'command', command: `echo run >> '${file}'; echo ready; sleep 300` },
  ]);
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  await kill();
  // As the disk looks when the power went before the journal was on it, and the host has started again.
  const own = await slotOf(folder, operation);
  const [plan = ''] = (await readFile(own, 'utf8')).split('\n', 1);
  await writeFile(own, `${plan.replace(/"boot":"[^"]*"/, '"boot":"00000000-0000-0000-0000-000000000000"')}\n`);
  start();
  const records = await coordinator.finished(operation);
  expect(outcomeOf(records).outcome).toBe('failed');
  expect(records.map(({ number }) => number)).toEqual([...records.keys()]);
  expect(await readFile(file, 'utf8')).toBe('run\n');
});

test('killed while what is done with is deleted, the agent does not run it again', async () => {
  const { coordinator, kill, start, folder } = await ready();
  const file = join(folder, 'runs');
  const kept = join(folder, 'kept');
  const offer = () =>
    coordinator.offer([{ type: 'command', command: `echo run >> '${file}'; until [ -e '${folder}/go' ]; do :; done` }]);
  const operations = [await offer(), await offer()];
  const slots: string[] = [];
  for (const operation of operations) {
    await coordinator.recorded(operation, ({ kind }) => kind === 'step-started');
    const own = await slotOf(folder, operation);
    await cp(own, join(kept, basename(own)));
    slots.push(own);
  }
  await writeFile(join(folder, 'go'), '');
  for (const operation of operations) {
    await coordinator.finished(operation);
    await expect.poll(() => slotOf(folder, operation).catch(() => 'none')).toBe('none');
  }
  await kill();
  // As the disk looks when the blow came before the deletion; of one the power cut has taken the journal as well.
  const half = join(kept, basename(slots[0] ?? ''));
  await writeFile(half, `${(await readFile(half, 'utf8')).split('\n', 1)[0]}\n`);
  await cp(kept, join(folder, 'state', 'operations'), { recursive: true });
  const sessions = coordinator.sessions;
  start();
  await expect.poll(() => coordinator.sessions).toBeGreaterThan(sessions);
  const { hello } = await coordinator.connected();
  expect(hello.operations).toEqual([]);
  expect(await readFile(file, 'utf8')).toBe('run\nrun\n');
  expect((await readdir(join(folder, 'state', 'operations'))).filter((name) => name !== 'ended.jsonl')).toEqual([]);
});

test('what is acknowledged twice is forgotten once: the slot of the next operation stays', async () => {
  const { coordinator, folder, kill, start } = await ready();
  coordinator.behaviour.acknowledges = false;
  const first = await coordinator.offer([{ type: 'command', command: 'true' }]);
  const { length: next } = await coordinator.finished(first);
  for (let i = 0; i < 3; i++) {
    coordinator.session?.send({ type: 'ack', operation: first, attempt: 1, next, final: true });
  }
  await expect.poll(() => slotOf(folder, first).catch(() => 'none')).toBe('none');
  coordinator.behaviour.acknowledges = true;
  const second = await coordinator.offer([{ type: 'command', command: 'echo begun; sleep 300' }]);
  await coordinator.recorded(second, ({ kind }) => kind === 'output');
  await kill();
  start();
  expect(stepEnds(await coordinator.finished(second)).map(({ reason }) => reason)).toEqual(['agent-restarted']);
});

test('a power cut that leaves a plan in front of the records of another operation makes them nobody’s', async () => {
  const { coordinator, kill, start, folder } = await ready();
  const offer = (text: string) => coordinator.offer([{ type: 'command', command: `echo ${text}; sleep 300` }]);
  const [older, newer] = [await offer('older'), await offer('newer')];
  for (const operation of [older, newer]) await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  await kill();
  const slot = await slotOf(folder, newer);
  const stale = await slotOf(folder, older);
  const planOf = (bytes: Buffer) => bytes.subarray(0, bytes.indexOf('\n') + 1);
  const [own, foreign] = [await readFile(slot), await readFile(stale)];
  const plan = planOf(own)
    .toString()
    .replace(/"boot":"[^"]*"/, '"boot":"00000000-0000-0000-0000-000000000000"');
  await writeFile(slot, Buffer.concat([Buffer.from(plan), foreign.subarray(planOf(foreign).length)]));
  start();
  const records = await coordinator.finished(newer);
  expect(outputOf(records).toString()).toBe('newer\n');
  expect(outcomeOf(records).outcome).toBe('failed');
  expect(records.map(({ number }) => number)).toEqual([...records.keys()]);
});

test('what was secret in an operation is not on the disk any more when it is done with', async () => {
  const { coordinator, folder } = await ready();
  const root = join(folder, 'state', 'operations');
  const operations: string[] = [];
  for (const length of [1, 300_000]) {
    const command = `: the-secret; head -c ${length} /dev/zero | tr '\\0' x`;
    operations.push(await coordinator.offer([{ type: 'command', command }]));
  }
  const slots = async () => (await readdir(root)).filter((name) => name.startsWith('slot-')).sort();
  const onDisk = async () =>
    (await Promise.all((await slots()).map((name) => readFile(join(root, name), 'latin1')))).join('');
  for (const operation of operations) await coordinator.finished(operation);
  await expect.poll(onDisk).toMatch(/^\0*$/);
  // Further records are deleted a moment after their slot was wiped: what is used again are the slots.
  const before = await slots();
  for (let i = 0; i < 3; i++) {
    await coordinator.finished(await coordinator.offer([{ type: 'command', command: 'true' }]));
    await expect.poll(onDisk).toMatch(/^\0*$/);
  }
  expect(await slots()).toEqual(before);
  await expect
    .poll(async () => (await readdir(root)).filter((name) => !name.startsWith('slot-')))
    .toEqual(['ended.jsonl']);
});

/** The slot that holds an operation; throws when none does. */
async function slotOf(folder: string, operation: string): Promise<string> {
  const root = join(folder, 'state', 'operations');
  for (const name of await readdir(root)) {
    if (name.startsWith('slot-') && (await readFile(join(root, name), 'utf8')).includes(operation))
      return join(root, name);
  }
  throw new Error(`No slot holds ${operation}.`);
}

test('killed at any moment of many operations, each ends exactly once with a journal without gaps', async () => {
  const { coordinator, folder, start, agent: first, kill } = await ready();
  let agent = first;
  const file = join(folder, 'runs');
  const operations: string[] = [];
  for (let round = 0; round < 6; round++) {
    await coordinator.connected();
    for (let i = 0; i < 10; i++) {
      operations.push(
        await coordinator.offer([{ type: 'command', command: `echo ${round}.${i} >> '${file}'; echo ok` }]),
      );
    }
    // Let more and more of them pass before the blow.
    await coordinator.said(
      'accepted',
      ({ operation }) => operations.indexOf(operation) >= round * 10 + Math.min(round * 2, 9),
    );
    await kill(agent);
    agent = start();
  }
  await coordinator.connected();
  const { hello } = await coordinator.connected();
  const accepted = new Set(
    coordinator.heard.flatMap((message) => (message.type === 'accepted' ? [message.operation] : [])),
  );
  for (const { operation } of hello.operations) accepted.add(operation);
  for (const operation of accepted) {
    const records = await coordinator.finished(operation);
    expect(records.map(({ number }) => number)).toEqual([...records.keys()]);
    expect(records.filter(({ kind }) => kind === 'finished').length).toBe(1);
  }
  const runs = (await readFile(file, 'utf8')).trim().split('\n');
  expect(new Set(runs).size).toBe(runs.length);
}, 60_000);
