import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { outcomeOf, stepEnds } from '../testing/journal-view.ts';
import { lives, processesOf } from '../testing/processes-of.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf, type TestCoordinator } from '../testing/test-coordinator.ts';

async function ready() {
  const coordinator = await testCoordinator();
  const agent = await testAgent(coordinator);
  await coordinator.connected();
  return { coordinator, agent };
}

/** Runs a command until it has printed "ready", cancels it, and returns its journal. */
async function cancelled(coordinator: TestCoordinator, command: string, graceSeconds = 1, wantPrinted = /ready/) {
  const operation = await coordinator.offer([
    { type: 'command', command },
    { type: 'command', command: 'echo never' },
  ]);
  await coordinator.recorded(operation, () =>
    wantPrinted.test(outputOf(coordinator.journal(operation).records).toString()),
  );
  coordinator.session?.send({ type: 'cancel', operation, attempt: 1, reason: 'enough', graceSeconds });
  const records = await coordinator.finished(operation);
  return { operation, records };
}

test('a cancelled step ends politely, the rest is skipped, and the reason is kept', async () => {
  const { coordinator } = await ready();
  const { records, operation } = await cancelled(
    coordinator,
    'trap "echo bye; exit 7" TERM; echo ready; while :; do sleep 0.05; done',
  );
  expect(outputOf(records).toString()).toContain('bye');
  expect(stepEnds(records).map(({ reason }) => reason)).toEqual(['cancelled', 'skipped']);
  expect(stepEnds(records)[0]?.exitCode).toBe(7);
  expect(outcomeOf(records)).toEqual({ outcome: 'aborted', reason: 'It was cancelled: enough', survivors: [] });
  expect(processesOf(operation)).toEqual([]);
});

test('a step that ignores the polite stop is ended hard after its grace', async () => {
  const { coordinator } = await ready();
  const started = performance.now();
  const { records, operation } = await cancelled(
    coordinator,
    'trap "" TERM; echo ready; while :; do sleep 0.05; done',
    1,
  );
  expect(performance.now() - started).toBeGreaterThan(900);
  expect(stepEnds(records)[0]).toMatchObject({ reason: 'cancelled', signal: 'SIGKILL', survivors: [] });
  expect(processesOf(operation)).toEqual([]);
});

test('with no grace the end is immediate', async () => {
  const { coordinator } = await ready();
  const started = performance.now();
  await cancelled(coordinator, 'trap "" TERM; echo ready; while :; do sleep 0.05; done', 0);
  expect(performance.now() - started).toBeLessThan(1500);
});

test.each([
  ['a child in a session of its own', 'setsid sleep 300 & echo ready; wait'],
  ['a child that ignores hang-ups', 'nohup sleep 300 >/dev/null 2>&1 & echo ready; wait'],
  ['a child that ignores the polite stop', `sh -c 'trap "" TERM; while :; do sleep 0.1; done' & echo ready; wait`],
  ['a daemon made by a double fork', `(setsid sh -c 'sleep 300 & exit 0' &) ; sleep 0.2; echo ready; sleep 300`],
  [
    'a daemon that ignores everything',
    `(setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 0.1; done' &) ; echo ready; sleep 300`,
  ],
  ['a child without environment', 'env -i sleep 300 & echo ready; wait'],
  ['a child without environment in a session of its own', 'env -i setsid sleep 300 & echo ready; wait'],
  ['a tree of many', 'for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 300 & sleep 300) & done; echo ready; wait'],
])('nothing survives a cancel: %s', async (_what, command) => {
  const { coordinator } = await ready();
  const { records, operation } = await cancelled(coordinator, command);
  expect(outcomeOf(records)).toMatchObject({ outcome: 'aborted', survivors: [] });
  expect(processesOf(operation)).toEqual([]);
});

test.each([
  ['holds the output of its step', 'cd /', ''],
  ['works in the folder of its operation', ':', '</dev/null >/dev/null 2>&1'],
])('a daemon that sheds session, parents and environment is found when it %s', async (_what, before, redirection) => {
  const { coordinator, agent } = await ready();
  const file = join(agent.folder, 'daemon');
  const daemon = `(${before}; exec env -i /usr/bin/setsid sh -c 'echo $$ > "${file}"; exec sleep 300' ${redirection} &)`;
  const { records } = await cancelled(
    coordinator,
    `${daemon}; while [ ! -s '${file}' ]; do sleep 0.01; done; echo ready; sleep 300`,
  );
  expect(outcomeOf(records).survivors).toEqual([]);
  expect(lives(Number(await readFile(file, 'utf8')))).toBe(false);
});

test.skipIf(process.getuid?.() !== 0)(
  'what may not be ended is named, with its number and command line (needs root)',
  async () => {
    const coordinator = await testCoordinator();
    const folder = await packageFolder(coordinator);
    // An agent without the right to signal other users, and a step that becomes one.
    runAgentProgram(['run'], { cwd: folder, launcher: ['setpriv', '--bounding-set=-kill', '--inh-caps=-kill'] });
    await coordinator.connected();
    // It says so itself, once it is that user: before, it might still be ended.
    const command = `setpriv --reuid=65534 --clear-groups sh -c 'echo ready $$; exec sleep 300' & wait`;
    const { records } = await cancelled(coordinator, command, 0);
    const pid = Number(/ready (\d+)/.exec(outputOf(records).toString())?.[1]);
    onTestFinished(() => void process.kill(pid, 'SIGKILL'));
    const survivors = [{ pid, command: 'sleep 300' }];
    expect(outcomeOf(records)).toEqual({ outcome: 'aborted', reason: 'It was cancelled: enough', survivors });
    expect(stepEnds(records)[0]).toMatchObject({ reason: 'cancelled', survivors });
    expect(stepEnds(records)[0]?.detail).toContain('1 of its processes could not be stopped.');
  },
);

test('a process that keeps forking does not outrun the stop', async () => {
  const { coordinator } = await ready();
  const command = `echo ready; f() { while :; do (sleep 0.2; :) & sleep 0.02; done; }; f & f & wait`;
  const { records, operation } = await cancelled(coordinator, command);
  expect(outcomeOf(records).survivors).toEqual([]);
  expect(processesOf(operation)).toEqual([]);
});

test('what an earlier step left in the background is stopped too', async () => {
  const { coordinator } = await ready();
  const operation = await coordinator.offer([
    { type: 'command', command: 'setsid sleep 300 >/dev/null 2>&1 &' },
    { type: 'command', command: 'echo ready; sleep 300' },
  ]);
  await coordinator.recorded(operation, ({ kind, step }) => kind === 'output' && step === 1);
  coordinator.session?.send({ type: 'cancel', operation, attempt: 1, reason: '', graceSeconds: 1 });
  expect(outcomeOf(await coordinator.finished(operation)).outcome).toBe('aborted');
  expect(processesOf(operation)).toEqual([]);
});

test('an operation that runs too long is stopped in the same way, and says so', async () => {
  const { coordinator } = await ready();
  const operation = await coordinator.offer(
    [
      { type: 'command', command: 'setsid sleep 300 & echo ready; wait' },
      { type: 'command', command: 'echo never' },
    ],
    { timeoutSeconds: 1, graceSeconds: 1 },
  );
  const records = await coordinator.finished(operation);
  expect(stepEnds(records).map(({ reason }) => reason)).toEqual(['timeout', 'skipped']);
  expect(outcomeOf(records)).toEqual({ outcome: 'timedout', reason: 'It ran longer than 1 s.', survivors: [] });
  expect(processesOf(operation)).toEqual([]);
});

test('a second cancel that allows less ends the grace of the first', async () => {
  const { coordinator } = await ready();
  const started = performance.now();
  const operation = await coordinator.offer([
    { type: 'command', command: 'trap "" TERM; echo ready; while :; do sleep 0.05; done' },
  ]);
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  const cancel = { type: 'cancel', operation, attempt: 1, reason: '' } as const;
  coordinator.session?.send({ ...cancel, graceSeconds: 60 });
  coordinator.session?.send({ ...cancel, graceSeconds: 0 });
  await coordinator.finished(operation);
  expect(performance.now() - started).toBeLessThan(5_000);
});

test('an operation that waits in the queue is cancelled without running', async () => {
  const { coordinator } = await ready();
  coordinator.session?.send({ type: 'maximum', maximum: 1 });
  const first = await coordinator.offer([{ type: 'command', command: 'echo ready; sleep 300' }]);
  await coordinator.recorded(first, ({ kind }) => kind === 'output');
  const second = await coordinator.offer([{ type: 'command', command: 'echo never' }]);
  await coordinator.said('accepted', ({ operation }) => operation === second);
  coordinator.session?.send({
    type: 'cancel',
    operation: second,
    attempt: 1,
    reason: 'changed my mind',
    graceSeconds: 1,
  });
  const records = await coordinator.finished(second);
  expect(records.map(({ kind }) => kind)).toEqual(['started', 'step-finished', 'finished']);
  expect(outcomeOf(records).outcome).toBe('aborted');
});

test('a cancel that overtakes the writing of the plan is not lost', async () => {
  const { coordinator } = await ready();
  const { operation, payload, signature } = coordinator.makeOperation([
    { type: 'command', command: 'echo never; sleep 300' },
  ]);
  coordinator.session?.send({ type: 'operation', payload, signature });
  coordinator.session?.send({
    type: 'cancel',
    operation: operation.operation,
    attempt: 1,
    reason: '',
    graceSeconds: 1,
  });
  const records = await coordinator.finished(operation.operation);
  expect(outcomeOf(records).outcome).toBe('aborted');
});

test('a cancel of what is not there is answered, not ignored', async () => {
  const { coordinator } = await ready();
  const operation = '01234567-89ab-4def-8123-456789abcdef';
  coordinator.session?.send({ type: 'cancel', operation, attempt: 1, reason: '', graceSeconds: 1 });
  expect((await coordinator.said('error')).detail).toContain('is not here');
});

test('when the agent is stopped, what runs is stopped and said before the good-bye', async () => {
  const { coordinator, agent } = await ready();
  const operation = await coordinator.offer([
    { type: 'command', command: `setsid sleep 300 & echo $$ > '${join(agent.folder, 'pid')}'; echo ready; wait` },
  ]);
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  agent.stop('maintenance of the host');
  await agent.ended;
  const records = coordinator.journal(operation).records;
  expect(outcomeOf(records)).toMatchObject({ outcome: 'failed', reason: 'maintenance of the host' });
  expect(stepEnds(records)[0]?.reason).toBe('agent-stopped');
  await coordinator.said('goodbye');
  expect(processesOf(operation)).toEqual([]);
  expect(Number(await readFile(join(agent.folder, 'pid'), 'utf8'))).toBeGreaterThan(1);
});
