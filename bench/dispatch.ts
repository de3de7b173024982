import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ExecutionSchema } from '../protocol/api/executions.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { startAgent } from './harness/agent.ts';
import { connectBare } from './harness/bare-program.ts';
import { startCoordinator } from './harness/coordinator.ts';
import { startDurableFloor } from './harness/durable-floor.ts';
import { type Benchmark, type Figure, quantile } from './harness/figures.ts';
import { leanPost } from './harness/lean-post.ts';

/** Where ad hoc commands of the sample project are run. */
const COMMANDS = '/api/v1/projects/Welcome/commands';
const RUNS = 100;
const WARM_UP = 10;

/**
 * From the API call "run" to the start of the step's process, and to the end as a caller sees it. The process itself says
 * when it started (`date +%s%N` into a file), so that nothing between is left out. Floor: one WebSocket message to a bare
 * program that spawns the same shell.
 */
export const dispatch: Benchmark = {
  name: 'dispatch',
  what: 'API call → process started → reported finished, 100 in sequence',
  async run(work) {
    const floor = await bareDispatch(work);
    const durable = await durableDispatch(work);
    const ours = await outrunnerDispatch(work);
    const figures: Figure[] = [
      {
        what: 'start p50',
        value: quantile(ours.start, 0.5),
        floor: quantile(floor.start, 0.5),
        unit: 'ms',
        bar: '≤ 2 × floor',
      },
      { what: 'start p95', value: quantile(ours.start, 0.95), floor: quantile(floor.start, 0.95), unit: 'ms' },
      {
        what: 'start p99',
        value: quantile(ours.start, 0.99),
        floor: quantile(floor.start, 0.99),
        unit: 'ms',
        bar: '≤ 25 ms',
      },
      { what: 'finished p50', value: quantile(ours.end, 0.5), floor: quantile(floor.end, 0.5), unit: 'ms' },
      { what: 'finished p99', value: quantile(ours.end, 0.99), floor: quantile(floor.end, 0.99), unit: 'ms' },
      {
        what: 'start p50 of the least that keeps the promises',
        value: quantile(durable.start, 0.5),
        floor: quantile(floor.start, 0.5),
        unit: 'ms',
      },
      {
        what: 'finished p50 of the least that keeps the promises',
        value: quantile(durable.end, 0.5),
        floor: quantile(floor.end, 0.5),
        unit: 'ms',
      },
    ];
    return figures;
  },
};

interface Samples {
  start: number[];
  end: number[];
}

const nowMs = () => performance.timeOrigin + performance.now();

async function startedAt(file: string): Promise<number> {
  return Number(BigInt((await readFile(file, 'utf8')).trim()) / 1000n) / 1000;
}

async function outrunnerDispatch(work: string): Promise<Samples> {
  const coordinator = await startCoordinator({
    dataDir: path.join(work, 'coordinator'),
    args: ['--log-level', 'error'],
  });
  const { api } = coordinator;
  const samples: Samples = { start: [], end: [] };
  try {
    const agent = await startAgent(coordinator, path.join(work, 'agent'), {
      name: 'bench',
      projects: [{ project: 'Welcome' }],
    });
    const live = await api.live();
    const post = leanPost(api.url, api.token);
    for (let n = 0; n < RUNS + WARM_UP; n++) {
      const file = path.join(work, `ours-${n}`);
      live.forget();
      const asked = nowMs();
      const answer = await post(COMMANDS, { command: `date +%s%N > ${file}`, runnerTags: ['bench'] });
      const { id } = ExecutionSchema.parse(answer);
      const event = await live.until(
        (one) => one.topic === 'execution' && one.id === id && isTerminal(one.execution.state),
      );
      const seen = nowMs();
      if (event.topic !== 'execution' || event.execution.state !== 'succeeded')
        throw new Error('A run did not succeed.');
      if (n < WARM_UP) continue;
      samples.start.push((await startedAt(file)) - asked);
      samples.end.push(seen - asked);
    }
    live.close();
    await agent.stop();
  } finally {
    await coordinator.stop();
  }
  return samples;
}

async function durableDispatch(work: string): Promise<Samples> {
  const floor = await startDurableFloor(work);
  const samples: Samples = { start: [], end: [] };
  try {
    for (let n = 0; n < RUNS + WARM_UP; n++) {
      const file = path.join(work, `durable-${n}`);
      const ended = Promise.withResolvers<void>();
      floor.onEnd(() => ended.resolve());
      const asked = nowMs();
      await floor.run(`date +%s%N > ${file}`);
      await ended.promise;
      const seen = nowMs();
      if (n < WARM_UP) continue;
      samples.start.push((await startedAt(file)) - asked);
      samples.end.push(seen - asked);
    }
  } finally {
    await floor.stop();
  }
  return samples;
}

const BARE_AGENT = `
import { spawn } from 'node:child_process';
import { WebSocket } from 'ws';
const socket = new WebSocket(process.argv[1]);
socket.on('message', (command) => {
  spawn('sh', ['-c', command.toString()], { stdio: 'ignore' }).on('exit', (code) => socket.send(String(code)));
});
`;

async function bareDispatch(work: string): Promise<Samples> {
  const { socket, stop } = await connectBare(BARE_AGENT);
  const samples: Samples = { start: [], end: [] };
  for (let n = 0; n < RUNS + WARM_UP; n++) {
    const file = path.join(work, `bare-${n}`);
    const asked = nowMs();
    socket.send(`date +%s%N > ${file}`);
    await once(socket, 'message');
    const seen = nowMs();
    if (n < WARM_UP) continue;
    samples.start.push((await startedAt(file)) - asked);
    samples.end.push(seen - asked);
  }
  await stop();
  return samples;
}
