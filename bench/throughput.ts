import path from 'node:path';
import type { WebSocket } from 'ws';
import { startAgent } from './harness/agent.ts';
import { connectBare } from './harness/bare-program.ts';
import { startCoordinator } from './harness/coordinator.ts';
import { type DurableFloor, startDurableFloor } from './harness/durable-floor.ts';
import { type Benchmark, quantile } from './harness/figures.ts';
import { forgetPeak, type ProcessUsage, usageOf } from './harness/process-usage.ts';
import { runMany } from './harness/run-many.ts';

const RUNS = 2000;
const WARM_UP = 100;
/** What the Runner may run at once; the floor runs as many. */
const CAPACITY = 50;

/**
 * Many short executions on one Runner: a script submits them over a few connections as fast as it is answered, and hears of
 * each end through the live feed, where an end is told once it is stored. Floor: a bare program that gets one WebSocket
 * message for each and spawns the same shell, as many at once.
 */
export const throughput: Benchmark = {
  name: 'throughput',
  what: `${RUNS} executions of \`true\` on one Runner of capacity ${CAPACITY}, first call → last stored as finished`,
  async run(work) {
    const bare = await bareRuns();
    const durable = await durableRuns(work);
    const ours = await outrunnerRuns(work);
    const { coordinator, agent } = ours;
    return [
      {
        what: 'finished per second',
        value: RUNS / ours.seconds,
        floor: RUNS / bare.seconds,
        unit: '/s',
        bar: '≥ 0.6 × floor',
      },
      {
        what: 'of the least that keeps the promises',
        value: RUNS / durable.seconds,
        floor: RUNS / bare.seconds,
        unit: '/s',
      },
      { what: 'one, call → finished, p50 (queue included)', value: quantile(ours.each, 0.5), unit: 'ms' },
      { what: 'one, call → finished, p99 (queue included)', value: quantile(ours.each, 0.99), unit: 'ms' },
      { what: 'one, call → answered, p50', value: quantile(ours.answers, 0.5), unit: 'ms' },
      { what: 'one, call → answered, p99', value: quantile(ours.answers, 0.99), unit: 'ms' },
      { what: 'CPU of the coordinator', value: coordinator.cpu, unit: 's' },
      { what: 'CPU of the agent', value: agent.cpu, floor: bare.agent.cpu, unit: 's' },
      { what: 'CPU of the steps', value: agent.childCpu, floor: bare.agent.childCpu, unit: 's' },
      { what: 'RSS of the coordinator, peak', value: coordinator.peakRss, unit: 'MB' },
      { what: 'RSS of the agent, peak', value: agent.peakRss, floor: bare.agent.peakRss, unit: 'MB' },
    ];
  },
};

async function outrunnerRuns(work: string) {
  const coordinator = await startCoordinator({
    dataDir: path.join(work, 'coordinator'),
    args: ['--log-level', 'error'],
  });
  try {
    const agent = await startAgent(coordinator, path.join(work, 'agent'), {
      name: 'bench',
      maxOperations: CAPACITY,
      projects: [{ project: 'Welcome' }],
    });
    const { pid } = agent.program.child;
    await runMany(coordinator, WARM_UP);
    await coordinator.passwordMade();
    forgetPeak(coordinator.pid);
    const before = { coordinator: usageOf(coordinator.pid), agent: usageOf(pid) };
    const load = await runMany(coordinator, RUNS);
    const after = { coordinator: usageOf(coordinator.pid), agent: usageOf(pid) };
    const { total } = await coordinator.api.call('listExecutions', { query: { state: 'succeeded', limit: 1 } });
    if (total !== RUNS + WARM_UP) throw new Error(`${total} of ${RUNS + WARM_UP} executions are stored as succeeded.`);
    await agent.stop();
    return {
      ...load,
      coordinator: spent(before.coordinator, after.coordinator),
      agent: spent(before.agent, after.agent),
    };
  } finally {
    await coordinator.stop();
  }
}

function spent(before: ProcessUsage, after: ProcessUsage): ProcessUsage {
  return { ...after, cpu: after.cpu - before.cpu, childCpu: after.childCpu - before.childCpu };
}

const BARE_AGENT = `
import { spawn } from 'node:child_process';
import { WebSocket } from 'ws';
const socket = new WebSocket(process.argv[1]);
socket.on('message', (command) => {
  spawn('sh', ['-c', command.toString()], { stdio: 'ignore' }).on('exit', (code) => socket.send(String(code)));
});
`;

async function bareRuns() {
  const { program, socket, stop } = await connectBare(BARE_AGENT);
  const { pid } = program.child;
  await bareMany(socket, WARM_UP);
  const before = usageOf(pid);
  const begun = performance.now();
  await bareMany(socket, RUNS);
  const seconds = (performance.now() - begun) / 1000;
  const agent = spent(before, usageOf(pid));
  await stop();
  return { seconds, agent };
}

async function durableRuns(work: string): Promise<{ seconds: number }> {
  const floor = await startDurableFloor(work);
  try {
    await durableMany(floor, WARM_UP);
    const begun = performance.now();
    await durableMany(floor, RUNS);
    return { seconds: (performance.now() - begun) / 1000 };
  } finally {
    await floor.stop();
  }
}

/** As many at once as the Runner of the measured one may run; the calls over as many connections. */
async function durableMany(floor: DurableFloor, runs: number): Promise<void> {
  let left = runs;
  let ended = 0;
  const all = Promise.withResolvers<void>();
  const next = () => {
    if (left === 0) return;
    left -= 1;
    floor.run('true').catch(all.reject);
  };
  floor.onEnd(() => {
    ended += 1;
    if (ended === runs) all.resolve();
    else next();
  });
  for (let n = 0; n < CAPACITY; n++) next();
  await all.promise;
}

function bareMany(socket: WebSocket, runs: number): Promise<void> {
  return new Promise((resolve) => {
    let sent = 0;
    let ended = 0;
    const answered = () => {
      ended += 1;
      if (sent < runs) {
        sent += 1;
        socket.send('true');
      } else if (ended === runs) {
        socket.off('message', answered);
        resolve();
      }
    };
    socket.on('message', answered);
    for (; sent < Math.min(CAPACITY, runs); sent++) socket.send('true');
  });
}
