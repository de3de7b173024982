import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runAgent, writeRunnerConfig } from '../bench/harness/agent.ts';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import type { LiveEvent } from '../protocol/api/live.ts';
import { RunnerConfigSchema } from '../protocol/enrolment.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { withoutWebSocket } from './support/no-websocket.ts';
import { expect, test } from './support/test.ts';

const COUNT = 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "line $i of $$"; sleep 0.1; done';

test('where no WebSocket gets through, a job runs by long polling, also while the coordinator is killed and comes back', async ({
  work,
}) => {
  const dataDir = path.join(work, 'coordinator');
  let coordinator = await startCoordinator({ dataDir });
  const port = Number(new URL(coordinator.url).port);
  const front = await withoutWebSocket(port);
  const folder = path.join(work, 'agent');
  const runner = await writeRunnerConfig(coordinator, folder, { name: 'r1', projects: [{ project: 'Welcome' }] });
  const file = path.join(folder, 'runner.json');
  const config = RunnerConfigSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  await writeFile(file, JSON.stringify({ ...config, coordinator: { ...config.coordinator, url: front.url } }));
  const agent = runAgent(folder);
  const view = () => coordinator.api.call('getRunner', { params: { id: runner.id } });
  await expect.poll(async () => (await view()).status).toBe('Healthy');
  expect((await view()).replicas[0]).toMatchObject({
    transport: 'polling',
    transportReason: expect.stringContaining('HTTP 403'),
  });
  expect(front.refused()).toBe(1);
  const ping = await coordinator.api.call('pingRunner', { params: { id: runner.id } });
  expect(ping.roundTripMs).toBeLessThan(1_000);

  const { id } = await coordinator.api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command: COUNT } });
  const output = async () => {
    const response = await coordinator.api.fetch(`/api/v1/executions/${id}/output?format=text`);
    return (await response.text()).trimEnd().split('\n');
  };
  await expect.poll(async () => (await output()).length, { intervals: [50] }).toBeGreaterThan(3);
  await coordinator.program.stop('SIGKILL');
  coordinator = await startCoordinator({ dataDir, port });
  const live = await coordinator.api.live();
  const now = await coordinator.api.call('getExecution', { params: { id } });
  const isOver = (event: LiveEvent) =>
    event.topic === 'execution' && event.id === id && isTerminal(event.execution.state);
  if (!isTerminal(now.state)) await live.until(isOver);
  live.close();
  expect(await coordinator.api.call('getExecution', { params: { id } })).toMatchObject({ state: 'succeeded' });
  expect((await output()).map((line) => line.split(' of ')[0])).toEqual(
    Array.from({ length: 40 }, (_, n) => `line ${n + 1}`),
  );
  await agent.stop();
  await coordinator.stop();
  front.stop();
});
