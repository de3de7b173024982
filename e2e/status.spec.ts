import path from 'node:path';
import { runAgent, writeRunnerConfig } from '../bench/harness/agent.ts';
import { AGENT_EXIT } from '../protocol/enrolment.ts';
import type { RunnerStatus } from '../protocol/status.ts';
import { coordinatorOnMyClock } from './support/coordinator-on-my-clock.ts';
import { expect, test } from './support/test.ts';

test('New → Healthy → stopped: Down at once → Healthy; killed: Unknown after 30 s, Down after 120 s', async ({
  work,
}) => {
  const coordinator = await coordinatorOnMyClock(work);
  const { api, clock } = coordinator;
  const folder = path.join(work, 'host');
  const { id } = await writeRunnerConfig(coordinator, folder, { name: 'r1', tags: ['t'] });
  const runner = async () => await api.call('getRunner', { params: { id } });
  const becomes = (status: RunnerStatus) =>
    expect.poll(async () => (await runner()).status, { intervals: [20] }).toBe(status);

  expect(await runner()).toMatchObject({ status: 'New', lastCheckin: null });
  const first = runAgent(folder);
  await becomes('Healthy');
  await first.stop('SIGTERM');
  expect(await runner()).toMatchObject({ status: 'Down', statusReason: 'The agent was stopped and said good-bye.' });

  const second = runAgent(folder);
  await becomes('Healthy');
  await second.stop('SIGKILL');
  // The connection has closed: shown at once, and no work goes there; the status follows its thresholds.
  await expect.poll(async () => (await runner()).reconnecting, { intervals: [20] }).toBe(true);
  const silent = clock.now() - Date.parse((await runner()).lastCheckin ?? '');
  clock.advance(30_000 - silent);
  expect((await runner()).status).toBe('Healthy');
  clock.advance(1);
  expect((await runner()).status).toBe('Unknown');
  clock.advance(89_999);
  expect((await runner()).status).toBe('Unknown');
  clock.advance(1);
  expect(await runner()).toMatchObject({
    status: 'Down',
    statusReason: 'Nothing was heard for more than 120 seconds.',
  });

  const third = runAgent(folder);
  await becomes('Healthy');
  await third.stop();
  await coordinator.stop();
});

test('an expired token is refused, in one line and with a documented exit code', async ({ work }) => {
  const coordinator = await coordinatorOnMyClock(work);
  const folder = path.join(work, 'host');
  const { id } = await writeRunnerConfig(coordinator, folder, { name: 'late', tags: ['t'], tokenHours: 1 });
  coordinator.clock.advance(3_600_001);
  const agent = runAgent(folder);
  expect((await agent.ended).code).toBe(AGENT_EXIT.enrolmentRefused);
  expect(agent.output().trimEnd().split('\n').at(-1)).toContain('expired');
  const { enrolment, refusals } = await coordinator.api.call('getRunner', { params: { id } });
  expect(enrolment?.state).toBe('expired');
  expect(refusals[0]).toMatchObject({ code: 'enrolment-token-expired' });
  await coordinator.stop();
});
