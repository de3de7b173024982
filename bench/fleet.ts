import path from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import { startBare } from './harness/bare-program.ts';
import { collectGarbage, INSPECTABLE } from './harness/collect-garbage.ts';
import { startCoordinator } from './harness/coordinator.ts';
import type { Benchmark } from './harness/figures.ts';
import { type Fleet, startFleet, writeFleet } from './harness/fleet.ts';
import type { RunningProgram } from './harness/process.ts';
import { openFilesAllowed, usageOf } from './harness/process-usage.ts';

const RUNNERS = 10_000;
const SECONDS = 60;
/** After a start, before its memory is looked at. */
const SETTLE_MS = 10_000;
/** Files that a process needs beside its sockets. */
const OTHER_FILES = 200;

/**
 * Ten thousand Runners that beat every five seconds, connected to one coordinator over real sockets: each enrolled with keys
 * of its own, each with its signed handshake. A simulator in a process of its own plays all of them. Floor: as many bare
 * sockets of the same WebSocket package that answer one small message every five seconds.
 *
 * Memory is what is resident, once as it stands after the minute, once after the garbage was collected; each less what the
 * same process holds with no Runner at all, measured in the same way.
 */
export const fleet: Benchmark = {
  name: 'fleet',
  what: 'simulated Runners that beat every 5 s, connected to one coordinator',
  async run(work) {
    const count = Math.min(RUNNERS, openFilesAllowed() - OTHER_FILES) || RUNNERS;
    if (count < RUNNERS) console.log(`Only ${openFilesAllowed()} open files are allowed here: ${count} Runners.`);
    const bare = await bareSockets(count);
    const empty = await emptyCoordinator(path.join(work, 'empty'));
    const full = await coordinatorWith(count, path.join(work, 'full'));
    const perRunner = (mine: Memory, base: Memory, kind: keyof Memory) => ((mine[kind] - base[kind]) * 1000) / count;
    return [
      {
        what: `memory for each of ${count}, as it stands after ${SECONDS} s`,
        value: perRunner(full.memory, empty, 'standing'),
        floor: perRunner(bare.memory, bare.empty, 'standing'),
        unit: 'KB',
        bar: '≤ 40 KB',
      },
      {
        what: 'memory for each, garbage collected',
        value: perRunner(full.memory, empty, 'collected'),
        floor: perRunner(bare.memory, bare.empty, 'collected'),
        unit: 'KB',
      },
      {
        what: 'of it before it connects (known, not there)',
        value: perRunner(full.known, empty, 'collected'),
        unit: 'KB',
      },
      { what: 'CPU while idle', value: full.cpu, floor: bare.cpu, unit: '%', bar: '≤ 50 %' },
      {
        what: 'killed, started again: listening → last welcomed',
        value: full.again,
        floor: bare.seconds,
        unit: 's',
        bar: '≤ 60 s',
      },
      { what: '… process start → listening', value: full.starting, unit: 's' },
      { what: '… CPU of the coordinator for it', value: full.againCpu, unit: 's' },
      { what: '… tries that failed, for each Runner', value: full.failures / count, unit: '×' },
      { what: 'RSS of the coordinator, peak', value: full.peak, unit: 'MB' },
    ];
  },
};

interface Memory {
  /** MB as it stands, and after a collection of garbage. */
  readonly standing: number;
  readonly collected: number;
}

async function memoryOf(program: RunningProgram): Promise<Memory> {
  const standing = usageOf(program.child.pid).rss;
  await collectGarbage(program);
  return { standing, collected: usageOf(program.child.pid).rss };
}

/** Of one processor, in per cent, while the minute passes. */
async function idleCpu(program: RunningProgram): Promise<number> {
  const before = usageOf(program.child.pid).cpu;
  const begun = performance.now();
  await pass(SECONDS * 1000);
  const seconds = (performance.now() - begun) / 1000;
  return ((usageOf(program.child.pid).cpu - before) / seconds) * 100;
}

const options = { args: ['--log-level', 'error'], nodeArgs: [INSPECTABLE], signIn: false };

async function emptyCoordinator(dataDir: string): Promise<Memory> {
  const coordinator = await startCoordinator({ ...options, dataDir });
  await pass(SETTLE_MS);
  const memory = await memoryOf(coordinator.program);
  await coordinator.stop();
  return memory;
}

async function coordinatorWith(count: number, work: string) {
  const dataDir = path.join(work, 'coordinator');
  const runners = path.join(work, 'runners.json');
  await writeFleet(dataDir, runners, count);
  let coordinator = await startCoordinator({ ...options, dataDir });
  const { port } = new URL(coordinator.url);
  await pass(SETTLE_MS);
  const known = await memoryOf(coordinator.program);
  let simulated: Fleet | null = null;
  try {
    simulated = startFleet(coordinator.url, runners);
    const first = await simulated.complete(1);
    const cpu = await idleCpu(coordinator.program);
    const memory = await memoryOf(coordinator.program);
    const { peakRss: peak } = usageOf(coordinator.pid);

    await coordinator.kill();
    const started = Date.now();
    coordinator = await startCoordinator({ ...options, dataDir, port: Number(port) });
    const listening = Date.now();
    const second = await simulated.complete(2);
    return {
      memory,
      known,
      cpu,
      peak,
      starting: (listening - started) / 1000,
      again: (second.at - listening) / 1000,
      againCpu: usageOf(coordinator.pid).cpu,
      failures: second.failures - first.failures,
    };
  } finally {
    await simulated?.stop();
    await coordinator.stop();
  }
}

const BARE_SERVER = `
import { WebSocketServer } from 'ws';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096, perMessageDeflate: false, clientTracking: false });
server.on('listening', () => console.log('ws://127.0.0.1:' + server.address().port));
server.on('connection', (socket) => socket.on('message', () => socket.send('{"type":"beat","time":1}')));
`;

/** Opens its sockets a hundred at a time, and lets them speak evenly over the five seconds. */
const BARE_CLIENTS = `
import { once } from 'node:events';
import { WebSocket } from 'ws';
const [, url, count] = process.argv;
const sockets = [];
const begun = Date.now();
async function lane() {
  while (sockets.length < Number(count)) {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    sockets.push(socket);
    await once(socket, 'open');
    socket.on('message', () => undefined);
  }
}
await Promise.all(Array.from({ length: 100 }, lane));
console.log('connected in ' + (Date.now() - begun) / 1000 + ' s');
let slot = 0;
setInterval(() => {
  for (let n = slot; n < sockets.length; n += 100) sockets[n].send('{"type":"heartbeat","time":1}');
  slot = (slot + 1) % 100;
}, 50);
`;

async function bareSockets(count: number) {
  const server = startBare(BARE_SERVER, [], [INSPECTABLE]);
  const [url] = await server.line(/ws:\/\/127\.0\.0\.1:\d+$/);
  const empty = await memoryOf(server);
  const clients = startBare(BARE_CLIENTS, [url, String(count)]);
  const seconds = Number((await clients.line(/connected in (\S+) s/))[1]);
  const cpu = await idleCpu(server);
  const memory = await memoryOf(server);
  await clients.stop();
  await server.stop();
  return { empty, memory, cpu, seconds };
}
