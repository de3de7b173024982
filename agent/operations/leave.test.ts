import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { heldOnDisk } from '../testing/held-on-disk.ts';
import { outcomeOf, stepEnds } from '../testing/journal-view.ts';
import { type TestAgentOptions, testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

const PATIENT = { OUTRUNNER_FINISH_SECONDS: '600' };

/** An agent that runs one operation until its file appears, with another behind it in the queue. */
async function busy(options: TestAgentOptions = {}) {
  const coordinator = await testCoordinator();
  coordinator.behaviour.maximum = 1;
  const agent = await testAgent(coordinator, { env: PATIENT, ...options });
  await coordinator.connected();
  const go = join(agent.folder, 'go');
  const runs = join(agent.folder, 'runs');
  const running = await coordinator.offer([
    { type: 'command', command: `echo begun; while [ ! -e '${go}' ]; do sleep 0.05; done; echo ended` },
  ]);
  await coordinator.recorded(running, ({ kind }) => kind === 'output');
  const queued = await coordinator.offer([{ type: 'command', command: `echo ran >> '${runs}'` }]);
  await coordinator.said('accepted', (message) => message.operation === queued);
  const hasRun = async () => (await readFile(runs, 'utf8').catch(() => '')).length > 0;
  return { coordinator, agent, go, running, queued, hasRun };
}

test('an agent that is told to stop says so at once, refuses new work, and lets finish what runs', async () => {
  const { coordinator, agent, go, running, queued } = await busy();
  agent.stop('maintenance');
  await coordinator.said('heartbeat', ({ accepting }) => !accepting);
  await coordinator.said('returned');
  coordinator.session?.send({ type: 'ack', operation: queued, attempt: 1, next: 0, final: true });
  const late = await coordinator.offer([{ type: 'command', command: 'echo never' }]);
  expect(await coordinator.said('refused', (message) => message.operation === late)).toMatchObject({
    code: 'shutting-down',
  });
  await writeFile(go, '');
  const records = await coordinator.finished(running);
  expect(outputOf(records).toString()).toBe('begun\nended\n');
  expect(outcomeOf(records).outcome).toBe('succeeded');
  await coordinator.said('goodbye');
});

test('what never started is handed back, and never runs here, also after a crash and a replay', async () => {
  const { coordinator, agent, queued, hasRun } = await busy();
  agent.stop('maintenance');
  const returned = await coordinator.said('returned');
  expect(returned).toMatchObject({ operation: queued, attempt: 1, reason: 'maintenance' });
  agent.stop('now');
  await agent.ended;
  // The coordinator never acknowledged it: the next process goes on saying it.
  coordinator.behaviour.maximum = 50;
  const again = await testAgent(coordinator, { folder: agent.folder });
  const { hello, send } = await coordinator.nextSession();
  expect(hello.operations.find((one) => one.operation === queued)).toMatchObject({ returned: true, next: 0 });
  send({ type: 'ack', operation: queued, attempt: 1, next: 0, final: true });
  await expect.poll(() => heldOnDisk(join(again.state, 'operations'))).toEqual([]);
  expect(await hasRun()).toBe(false);
});

test('without a connection what waits stays here, and runs when the agent is back', async () => {
  const { coordinator, agent, queued, hasRun } = await busy();
  await coordinator.stop();
  await expect.poll(() => agent.lines.some((line) => line.includes('connection is gone'))).toBe(true);
  agent.stop('first');
  agent.stop('now');
  await agent.ended;
  await coordinator.start();
  await testAgent(coordinator, { folder: agent.folder });
  await coordinator.finished(queued);
  expect(await hasRun()).toBe(true);
});

test('asked again it waits no longer: what runs is stopped, and says why', async () => {
  const { coordinator, agent, running } = await busy();
  agent.stop('maintenance');
  await coordinator.said('returned');
  agent.stop('once more');
  const records = await coordinator.finished(running);
  expect(stepEnds(records)[0]?.reason).toBe('agent-stopped');
  expect(outcomeOf(records)).toMatchObject({ outcome: 'failed', reason: 'maintenance' });
  await agent.ended;
});

test('asked again, it waits two seconds for a coordinator that does not answer, not fifteen', async () => {
  const clock = manualClock();
  const { coordinator, agent } = await busy({ clock });
  coordinator.behaviour.acknowledges = false;
  agent.stop('maintenance');
  await coordinator.said('returned');
  const begun = clock.monotonic();
  agent.stop('once more');
  let ended = false;
  void agent.ended.finally(() => {
    ended = true;
  });
  // What runs is stopped in steps of the clock; then all has ended, and nobody takes from it what it owes.
  await expect
    .poll(() => {
      clock.advance(50);
      return ended;
    })
    .toBe(true);
  expect(clock.monotonic() - begun).toBeLessThan(10_000);
  expect(await heldOnDisk(join(agent.state, 'operations'))).not.toEqual([]);
});

test.each([
  ['truncate', 'completed', 'succeeded'],
  ['stop', 'output-limit', 'failed'],
] as const)(
  'output beyond its limit, with “%s”: a mark says so, and the step is “%s”',
  async (action, reason, outcome) => {
    const coordinator = await testCoordinator();
    const agent = await testAgent(coordinator);
    await coordinator.connected();
    const after = join(agent.folder, 'after');
    const operation = await coordinator.offer(
      [
        { type: 'command', command: 'printf "one\\ntwo\\nthr"' },
        {
          type: 'command',
          command: `printf "ee\\nfour\\nfive\\n"; sleep ${action === 'stop' ? 300 : 0}; touch '${after}'`,
        },
      ],
      { outputLimit: { bytes: 0, lines: 3, action } },
    );
    const records = await coordinator.finished(operation);
    expect(outputOf(records).toString()).toBe('one\ntwo\nthree\n');
    expect(stepEnds(records).map((end) => end.reason)).toEqual(['completed', reason]);
    expect(outcomeOf(records).outcome).toBe(outcome);
    const marks = records.filter(({ kind }) => kind === 'mark').map(({ payload }) => Buffer.from(payload).toString());
    expect(marks).toEqual([expect.stringContaining('limit of 3 lines')]);
    expect((await readdir(agent.folder)).includes('after')).toBe(action === 'truncate');
  },
);
