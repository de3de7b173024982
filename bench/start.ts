import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { packedAgent, runAgent, startAgent } from './harness/agent.ts';
import { startCoordinator } from './harness/coordinator.ts';
import { type Benchmark, quantile } from './harness/figures.ts';
import { startProgram } from './harness/process.ts';

const RUNS = 7;

/**
 * How long a person waits: coordinator from process start to its first answer (fresh folder and a used one), agent from
 * process start to Healthy as a console sees it. Floor: the same runtime that opens a server, or a socket, and nothing else.
 */
export const start: Benchmark = {
  name: 'start',
  what: 'process start → first answer (coordinator), → Healthy (agent)',
  async run(work) {
    const bare: number[] = [];
    const first: number[] = [];
    const again: number[] = [];
    const agents: number[] = [];
    const packed: number[] = [];
    for (let n = 0; n < RUNS; n++) bare.push(await bareServer());
    for (let n = 0; n < RUNS; n++) {
      const dataDir = path.join(work, `coordinator-${n}`);
      first.push(await untilHealth(dataDir));
      again.push(await untilHealth(dataDir));
      await rm(dataDir, { recursive: true });
    }
    const coordinator = await startCoordinator({
      dataDir: path.join(work, 'coordinator'),
      args: ['--log-level', 'error'],
    });
    const folder = path.join(work, 'agent');
    const agent = await startAgent(coordinator, folder, { name: 'bench' });
    await agent.stop();
    const live = await coordinator.api.live();
    for (let n = 0; n < RUNS * 2; n++) {
      live.forget();
      const begun = performance.now();
      // In turns, so that both see the same machine.
      const program = runAgent(folder, undefined, n % 2 === 0 ? {} : { executable: packedAgent() });
      await live.until(
        (event) => event.topic === 'runner' && event.action !== 'deleted' && event.runner.status === 'Healthy',
      );
      (n % 2 === 0 ? agents : packed).push(performance.now() - begun);
      await program.stop();
      await live.until(
        (event) => event.topic === 'runner' && event.action !== 'deleted' && event.runner.status === 'Down',
      );
    }
    live.close();
    await coordinator.stop();
    const floor = quantile(bare, 0.5);
    return [
      { what: 'coordinator, new data folder', value: quantile(first, 0.5), floor, unit: 'ms', bar: '≤ 500 ms' },
      { what: 'coordinator, existing data folder', value: quantile(again, 0.5), floor, unit: 'ms', bar: '≤ 500 ms' },
      { what: 'agent until Healthy', value: quantile(agents, 0.5), floor, unit: 'ms', bar: '≤ 500 ms' },
      { what: 'the packed agent', value: quantile(packed, 0.5), floor, unit: 'ms', bar: '≤ 500 ms' },
    ];
  },
};

async function untilHealth(dataDir: string): Promise<number> {
  const begun = performance.now();
  const coordinator = await startCoordinator({ dataDir, args: ['--log-level', 'error'], signIn: false });
  const response = await fetch(`${coordinator.url}/api/v1/health`);
  if (!response.ok) throw new Error(`The coordinator is not well: ${response.status}`);
  const took = performance.now() - begun;
  await readFile(path.join(dataDir, 'owner.ticket'));
  await coordinator.stop();
  return took;
}

const BARE_SERVER = `
import { createServer } from 'node:http';
const server = createServer((request, response) => response.end('ok'));
server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port));
`;

async function bareServer(): Promise<number> {
  const begun = performance.now();
  const program = startProgram(process.execPath, ['--input-type=module', '-e', BARE_SERVER]);
  const [url] = await program.line(/http:\S+/);
  await (await fetch(url)).text();
  const took = performance.now() - begun;
  await program.stop();
  return took;
}
