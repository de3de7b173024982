import path from 'node:path';
import { runAgent, startAgent } from '../bench/harness/agent.ts';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import type { LiveEvent } from '../protocol/api/live.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { expect, test } from './support/test.ts';

/** Prints 40 numbered lines, one every 100 ms, with its process id: so that a second run would show. */
const COUNT = 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "line $i of $$"; sleep 0.1; done';

async function outputOf(coordinator: CoordinatorProcess, id: string): Promise<string[]> {
  const response = await coordinator.api.fetch(`/api/v1/executions/${id}/output?format=text`);
  return (await response.text()).trimEnd().split('\n');
}

const is = (id: string, test: (state: string) => boolean) => (event: LiveEvent) =>
  event.topic === 'execution' && event.id === id && test(event.execution.state);

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`the coordinator ends by ${signal} in mid job: the job goes on, its output is complete, its end is recorded`, async ({
    work,
  }) => {
    const dataDir = path.join(work, 'coordinator');
    let coordinator = await startCoordinator({ dataDir });
    const port = Number(new URL(coordinator.url).port);
    await startAgent(coordinator, path.join(work, 'agent'), {
      name: 'r1',
      tags: ['here'],
      projects: [{ project: 'Welcome' }],
    });
    const { id } = await coordinator.api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command: COUNT } });
    await expect.poll(async () => (await outputOf(coordinator, id)).length, { intervals: [50] }).toBeGreaterThan(3);

    await coordinator.program.stop(signal);
    coordinator = await startCoordinator({ dataDir, port });
    const live = await coordinator.api.live();
    const now = await coordinator.api.call('getExecution', { params: { id } });
    if (!isTerminal(now.state)) await live.until(is(id, (state) => isTerminal(state as never)));
    live.close();

    expect(await coordinator.api.call('getExecution', { params: { id } })).toMatchObject({
      state: 'succeeded',
      output: { complete: true },
    });
    const lines = await outputOf(coordinator, id);
    expect(lines).toHaveLength(40);
    expect(new Set(lines.map((line) => line.split(' of ')[1])).size, 'it ran once').toBe(1);
    expect(lines.map((line) => line.split(' of ')[0])).toEqual(Array.from({ length: 40 }, (_, n) => `line ${n + 1}`));
    await coordinator.stop();
  });

  test(`the agent ends by ${signal} in mid job: the operation ends with a clear outcome and nothing hangs`, async ({
    work,
    coordinator,
  }) => {
    const agent = await startAgent(coordinator, path.join(work, 'agent'), {
      name: 'r1',
      tags: ['here'],
      projects: [{ project: 'Welcome' }],
    });
    const live = await coordinator.api.live();
    const { id } = await coordinator.api.call('runAdHoc', {
      params: { project: 'Welcome' },
      body: { command: `echo begun; sleep 300` },
    });
    await expect.poll(async () => (await outputOf(coordinator, id))[0], { intervals: [50] }).toBe('begun');

    await agent.program.stop(signal);
    const again = runAgent(agent.folder);
    await live.until(is(id, (state) => isTerminal(state as never)));
    const ended = await coordinator.api.call('getExecution', { params: { id } });
    expect(ended).toMatchObject({ state: 'failed', output: { complete: true } });
    expect(ended.reason).toMatch(/agent/i);
    expect((await outputOf(coordinator, id))[0]).toBe('begun');

    const next = await coordinator.api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command: 'true' } });
    await live.until(is(next.id, (state) => state === 'succeeded'));
    live.close();
    await again.stop();
  });
}
