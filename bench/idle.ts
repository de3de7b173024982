import path from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { type AgentProcess, packedAgent, startAgent } from './harness/agent.ts';
import { startBare } from './harness/bare-program.ts';
import { type CoordinatorProcess, startCoordinator } from './harness/coordinator.ts';
import type { Benchmark, Figure } from './harness/figures.ts';
import { usageOf } from './harness/process-usage.ts';
import { runMany } from './harness/run-many.ts';

const SECONDS = 60;
const LOAD = 300;

/**
 * What coordinator and agent cost while nothing happens: one Runner connected, no work, fresh and after a load of a few
 * hundred executions. The agent in both forms: the bundle under Node, and the executable that users download. Floor: two
 * bare Node programs with one WebSocket between them and one small message every five seconds.
 */
export const idle: Benchmark = {
  name: 'idle',
  what: `nothing to do for ${SECONDS} s, one Runner connected: fresh, and after ${LOAD} executions`,
  async run(work) {
    const pairs: Pair[] = [];
    pairs.push(await startPair(path.join(work, 'bundle')));
    pairs.push(await startPair(path.join(work, 'packed'), packedAgent()));
    const server = startBare(BARE_SERVER);
    const [url] = await server.line(/ws:\S+/);
    const client = startBare(BARE_CLIENT, [url]);
    await client.line(/open/);
    const pids = [server, client].map(({ child }) => child.pid);
    for (const { coordinator, agent } of pairs) pids.push(coordinator.pid, agent.program.child.pid);
    try {
      const fresh = await rest(pids);
      for (const { coordinator } of pairs) await runMany(coordinator, LOAD);
      const after = await rest(pids);
      return [
        ...rows('agent, packed', fresh, after, 5, 1, { rss: '≤ 70 MB', cpu: '≤ 0.2 %' }),
        ...rows('agent, bundle under Node', fresh, after, 3, 1, { rss: '≤ 70 MB', cpu: '≤ 0.2 %' }),
        ...rows('coordinator', fresh, after, 2, 0, { rss: '≤ 120 MB' }),
      ];
    } finally {
      for (const { coordinator, agent } of pairs) {
        await agent.stop();
        await coordinator.stop();
      }
    }
  },
};

interface Pair {
  readonly coordinator: CoordinatorProcess;
  readonly agent: AgentProcess;
}

async function startPair(work: string, executable?: string): Promise<Pair> {
  const coordinator = await startCoordinator({
    dataDir: path.join(work, 'coordinator'),
    args: ['--log-level', 'error'],
  });
  const runner = { name: 'bench', projects: [{ project: 'Welcome' }] };
  const agent = await startAgent(
    coordinator,
    path.join(work, 'agent'),
    runner,
    executable === undefined ? {} : { executable },
  );
  return { coordinator, agent };
}

interface Rest {
  /** At the end, in MB. */
  readonly rss: number;
  /** Of one processor, in per cent. */
  readonly cpu: number;
}

/** Lets the minute pass and says what each process cost meanwhile. */
async function rest(pids: readonly (number | undefined)[]): Promise<Rest[]> {
  const before = pids.map(usageOf);
  const begun = performance.now();
  await pass(SECONDS * 1000);
  const seconds = (performance.now() - begun) / 1000;
  return pids.map((pid, index) => {
    const usage = usageOf(pid);
    return { rss: usage.rss, cpu: ((usage.cpu - (before[index]?.cpu ?? Number.NaN)) / seconds) * 100 };
  });
}

function rows(
  what: string,
  fresh: readonly Rest[],
  after: readonly Rest[],
  ours: number,
  floor: number,
  bars: { rss: string; cpu?: string },
): Figure[] {
  const bar = (text: string | undefined) => (text === undefined ? {} : { bar: text });
  return [
    { when: 'fresh', all: fresh },
    { when: `after ${LOAD}`, all: after },
  ].flatMap(({ when, all }) => {
    const [measured, least] = [all[ours], all[floor]];
    if (measured === undefined || least === undefined) throw new Error('A process was not measured.');
    return [
      { what: `${what}, ${when}: RSS`, value: measured.rss, floor: least.rss, unit: 'MB' as const, ...bar(bars.rss) },
      { what: `${what}, ${when}: CPU`, value: measured.cpu, floor: least.cpu, unit: '%' as const, ...bar(bars.cpu) },
    ];
  });
}

const BARE_SERVER = `
import { WebSocketServer } from 'ws';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => console.log('ws://127.0.0.1:' + server.address().port));
server.on('connection', (socket) => socket.on('message', () => socket.send('{}')));
`;

const BARE_CLIENT = `
import { WebSocket } from 'ws';
const socket = new WebSocket(process.argv[1], { perMessageDeflate: false });
socket.on('open', () => {
  console.log('open');
  setInterval(() => socket.send('{}'), 5000);
});
socket.on('message', () => undefined);
`;
