import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import { type RunningProgram, startProgram } from '../bench/harness/process.ts';
import type { Trial } from './report.ts';
import { eventually, Findings, outputOf, readSoFar, runCommand, stageAgent, untilEnded } from './stage.ts';

const SQUID = '/usr/sbin/squid';
/** From the new start of the proxy until the agent is there again. */
const RECOVERY_MS = 20_000;

/** A real squid between agent and coordinator is stopped and started again while a step runs. */
export const proxyTrial: Trial = {
  name: 'proxy-restart',
  what: 'squid in between is stopped and started again in mid work (about 15 s)',
  whyNot: async () => (existsSync(SQUID) ? null : 'squid is needed (package squid)'),
  async run({ work, executable, say }) {
    const findings = new Findings();
    const coordinator = await startCoordinator({ dataDir: path.join(work, 'coordinator') });
    const { api } = coordinator;
    const port = await freePort();
    const first = await startSquid(work, port);
    const agent = await stageAgent(coordinator, path.join(work, 'agent'), {
      way: { proxy: `http://127.0.0.1:${port}` },
      ...(executable === undefined ? {} : { executable }),
    });
    const [lines, stop] = [path.join(work, 'lines'), path.join(work, 'stop')];
    const { id } = await runCommand(
      api,
      `n=0; until [ -e ${stop} ] || [ $n = 3000 ]; do n=$((n+1)); echo "$n of $$" | tee -a ${lines}; sleep 0.05; done`,
    );
    const lineCount = async () => (await readSoFar(lines)).split('\n').length - 1;
    const isConnected = async () => {
      const { replicas } = await api.call('getRunner', { params: { id: agent.runner.id } });
      return replicas[0]?.connected === true;
    };
    await eventually('the step prints', 10_000, async () => ((await lineCount()) > 20 ? true : undefined));
    await first.stop('SIGTERM');
    say('the proxy is gone');
    await eventually('the connection is seen to be gone', 5_000, async () =>
      (await isConnected()) ? undefined : true,
    );
    const atKill = await lineCount();
    await eventually('the step goes on', 10_000, async () => ((await lineCount()) > atKill + 40 ? true : undefined));
    const second = await startSquid(work, port);
    const back = Date.now();
    await eventually('the agent is connected', RECOVERY_MS, async () => ((await isConnected()) ? true : undefined));
    findings.figure('proxy back → agent back, s', ((Date.now() - back) / 1000).toFixed(1));
    await writeFile(stop, '');
    const ended = await untilEnded(api, id, 20_000);
    findings.promise(ended.state === 'succeeded' && ended.output.complete, `It is ${ended.state}: ${ended.reason}`);
    const printed = await readSoFar(lines);
    findings.promise((await outputOf(api, id)).toString() === printed, 'The output is not what was printed.');
    findings.promise(new Set(printed.match(/of \d+/g)).size === 1, 'It ran twice.');
    const log = await readSoFar(path.join(work, 'squid', 'access.log'));
    findings.figure('tunnels that squid counted', log.split('CONNECT').length - 1);
    findings.promise(
      log.includes(`CONNECT 127.0.0.1:${new URL(coordinator.url).port}`),
      'It did not go through squid.',
    );
    await agent.program.stop('SIGTERM');
    await second.stop('SIGTERM');
    await coordinator.stop();
    return findings.report;
  },
};

/** Squid in the foreground, as little of it as a tunnel needs. Resolves when it takes connections. */
async function startSquid(work: string, port: number): Promise<RunningProgram> {
  const folder = path.join(work, 'squid');
  const file = path.join(work, 'squid.conf');
  await mkdir(folder, { recursive: true });
  // Started by root, squid gives up its rights and has to write as another user.
  await chmod(folder, 0o777);
  await chmod(work, 0o711);
  const lines = [
    `http_port 127.0.0.1:${port}`,
    'http_access allow all',
    'cache deny all',
    'pid_filename none',
    `access_log stdio:${folder}/access.log`,
    `cache_log ${folder}/cache.log`,
    `coredump_dir ${folder}`,
    'pinger_enable off',
    'shutdown_lifetime 0 seconds',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const squid = startProgram(SQUID, ['-N', '-d', '1', '-n', `outrunner${process.pid}x${port}`, '-f', file]);
  let over = false;
  squid.ended.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  await eventually('squid takes connections', 20_000, async () => {
    if (over) throw new Error(`squid ended:\n${squid.output()}`);
    return (await answers(port)) ? true : undefined;
  });
  return squid;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
