import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { heldOnDisk } from '../agent/testing/held-on-disk.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { startAgent } from './harness/agent.ts';
import { startBare } from './harness/bare-program.ts';
import { startCoordinator } from './harness/coordinator.ts';
import type { Benchmark } from './harness/figures.ts';
import { forgetPeak, usageOf } from './harness/process-usage.ts';

const BYTES = 200e6;
const LINE_BYTES = 71;
/** Each way is gone this often in turn; the quickest counts, because a virtual disk has its moods. */
const ROUNDS = 3;

/**
 * One step that prints 200 MB of numbered lines: from the call until every byte is stored and the agent has deleted its
 * copy, which it does when that is acknowledged. What is downloaded afterwards is compared with what was printed. Floor: the
 * same bytes from a bare pipe through a WebSocket into a file that is synced at the end.
 */
export const output: Benchmark = {
  name: 'output',
  what: 'one step prints 200 MB in lines of 71 bytes: call → stored and acknowledged; any byte that differs is an error',
  async run(work) {
    const printed = await writeLines(path.join(work, 'lines'));
    const bare: Way[] = [];
    const ours: OurWay[] = [];
    for (let n = 0; n < ROUNDS; n++) {
      bare.push(await bareOutput(printed, path.join(work, `bare-${n}`)));
      ours.push(await outrunnerOutput(printed, path.join(work, `ours-${n}`)));
    }
    const rate = (ways: readonly Way[]) => printed.bytes / 1e6 / Math.min(...ways.map((way) => way.seconds));
    const most = <Key extends string>(ways: readonly Record<Key, number>[], key: Key) =>
      Math.max(...ways.map((way) => way[key]));
    return [
      {
        what: 'stored and acknowledged, best of 3',
        value: rate(ours),
        floor: rate(bare),
        unit: 'MB/s',
        bar: '≥ 0.7 × floor',
      },
      {
        what: 'RSS of the agent, peak',
        value: most(ours, 'agentRss'),
        floor: most(bare, 'agentRss'),
        unit: 'MB',
        bar: '≤ 150 MB',
      },
      {
        what: 'RSS of the coordinator, peak',
        value: most(ours, 'serverRss'),
        floor: most(bare, 'serverRss'),
        unit: 'MB',
        bar: '≤ 150 MB',
      },
      { what: 'CPU of the agent', value: most(ours, 'agentCpu'), floor: most(bare, 'agentCpu'), unit: 's' },
      { what: 'CPU of the coordinator', value: most(ours, 'serverCpu'), floor: most(bare, 'serverCpu'), unit: 's' },
      {
        what: 'downloaded again as text, best of 3',
        value: printed.bytes / 1e6 / Math.min(...ours.map((way) => way.download)),
        unit: 'MB/s',
      },
    ];
  },
};

interface Printed {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

interface Way {
  readonly seconds: number;
  readonly agentRss: number;
  readonly serverRss: number;
  readonly agentCpu: number;
  readonly serverCpu: number;
}

interface OurWay extends Way {
  /** Seconds. */
  readonly download: number;
}

/** Numbered lines, so that one that is lost, doubled or out of order makes a difference. */
async function writeLines(file: string): Promise<Printed> {
  const lines = Math.ceil(BYTES / LINE_BYTES);
  const hash = createHash('sha256');
  const handle = await open(file, 'w');
  for (let n = 0; n < lines; ) {
    let text = '';
    for (const end = Math.min(lines, n + 20_000); n < end; n++) {
      text += `${String(n).padStart(9, '0')} ${'the quick brown fox jumps over the lazy dog again '.repeat(2)}`.slice(
        0,
        LINE_BYTES - 1,
      );
      text += '\n';
    }
    hash.update(text);
    await handle.write(text);
  }
  await handle.close();
  return { file, bytes: lines * LINE_BYTES, sha256: hash.digest('hex') };
}

async function outrunnerOutput(printed: Printed, work: string): Promise<OurWay> {
  const coordinator = await startCoordinator({
    dataDir: path.join(work, 'coordinator'),
    args: ['--log-level', 'error'],
  });
  const { api } = coordinator;
  try {
    const folder = path.join(work, 'agent');
    const agent = await startAgent(coordinator, folder, { name: 'bench', projects: [{ project: 'Welcome' }] });
    const { pid } = agent.program.child;
    const live = await api.live();
    const copies = watchCopies(path.join(folder, 'state', 'operations'));
    await coordinator.passwordMade();
    forgetPeak(coordinator.pid);
    const begun = performance.now();
    const { id } = await api.call('runAdHoc', {
      params: { project: 'Welcome' },
      body: { command: `cat ${printed.file}`, interpreter: 'sh', runnerTags: ['bench'] },
    });
    const event = await live.until(
      (one) => one.topic === 'execution' && one.id === id && isTerminal(one.execution.state),
    );
    await copies.gone();
    const seconds = (performance.now() - begun) / 1000;
    if (event.topic !== 'execution' || event.execution.state !== 'succeeded') {
      throw new Error(`The step did not succeed: ${JSON.stringify(event)}`);
    }
    const [agentUsage, serverUsage] = [usageOf(pid), usageOf(coordinator.pid)];
    live.close();
    copies.close();
    const download = await compareDownload(coordinator.api.fetch, id, printed);
    await agent.stop();
    return {
      seconds,
      agentRss: agentUsage.peakRss,
      serverRss: serverUsage.peakRss,
      agentCpu: agentUsage.cpu,
      serverCpu: serverUsage.cpu,
      download,
    };
  } finally {
    await coordinator.stop();
  }
}

/** The agent keeps each operation until the coordinator has acknowledged all of it. */
function watchCopies(folder: string) {
  const watcher = watch(folder);
  return {
    async gone(): Promise<void> {
      for (;;) {
        const changed = new Promise((resolve) => watcher.once('change', resolve));
        if ((await heldOnDisk(folder)).length === 0) return;
        await changed;
      }
    },
    close: () => watcher.close(),
  };
}

/** Downloads the output and compares its hash with what was printed; resolves with the seconds that it took. */
async function compareDownload(
  fetchPath: (path: string) => Promise<Response>,
  id: string,
  printed: Printed,
): Promise<number> {
  const begun = performance.now();
  const response = await fetchPath(`/api/v1/executions/${id}/output?format=text&follow=true`);
  if (!response.ok || !response.body) throw new Error(`The download was answered with ${response.status}.`);
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of response.body) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  if (bytes !== printed.bytes || hash.digest('hex') !== printed.sha256) {
    throw new Error(`What was stored (${bytes} bytes) is not what was printed (${printed.bytes} bytes).`);
  }
  return (performance.now() - begun) / 1000;
}

/** Stores what comes until the peer says that it was all, syncs the file, and answers. */
const BARE_SERVER = `
import { open } from 'node:fs/promises';
import { WebSocketServer } from 'ws';
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => console.log('ws://127.0.0.1:' + server.address().port));
const file = await open(process.argv[1], 'w');
server.on('connection', (socket) => {
  const waiting = [];
  let bytes = 0;
  let writing = false;
  async function write() {
    writing = true;
    while (waiting.length > 0) {
      const chunks = waiting.splice(0, 500);
      const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      await file.writev(chunks);
      bytes -= length;
      if (bytes < 2 << 20) socket.resume();
    }
    writing = false;
  }
  socket.on('message', async (data, isBinary) => {
    if (isBinary) {
      waiting.push(data);
      bytes += data.length;
      if (bytes > 8 << 20) socket.pause();
      if (!writing) write();
      return;
    }
    while (writing) await new Promise((resolve) => setImmediate(resolve));
    await file.sync();
    socket.send('stored');
  });
});
`;

/** Sends what its command prints, holding it back while the socket does not take it. */
const BARE_AGENT = `
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { WebSocket } from 'ws';
const socket = new WebSocket(process.argv[1], { perMessageDeflate: false });
await once(socket, 'open');
const begun = performance.now();
const child = spawn('sh', ['-c', process.argv[2]], { stdio: ['ignore', 'pipe', 'ignore'] });
child.stdout.on('data', (chunk) => {
  socket.send(chunk, () => {
    if (socket.bufferedAmount < 2 << 20) child.stdout.resume();
  });
  if (socket.bufferedAmount > 8 << 20) child.stdout.pause();
});
child.on('close', () => socket.send('end'));
await once(socket, 'message');
console.log('stored in ' + (performance.now() - begun) / 1000 + ' s');
setInterval(() => undefined, 1000);
`;

async function bareOutput(printed: Printed, file: string): Promise<Way> {
  const server = startBare(BARE_SERVER, [file]);
  const [url] = await server.line(/ws:\S+/);
  const agent = startBare(BARE_AGENT, [url, `cat ${printed.file}`]);
  const seconds = Number((await agent.line(/stored in (\S+) s/))[1]);
  const [agentUsage, serverUsage] = [usageOf(agent.child.pid), usageOf(server.child.pid)];
  await agent.stop();
  await server.stop();
  return {
    seconds,
    agentRss: agentUsage.peakRss,
    serverRss: serverUsage.peakRss,
    agentCpu: agentUsage.cpu,
    serverCpu: serverUsage.cpu,
  };
}
