import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runAgent, startAgent } from '../bench/harness/agent.ts';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { type Certificate, certificateFor } from './support/certificate.ts';
import { expect, test } from './support/test.ts';
import { startTlsFront } from './support/tls-front.ts';

/** What the packages of `trust-packages.spec.ts` do not meet: a restored coordinator, and a proxy in front that ends TLS. */

const RUNNER = { name: 'r1', tags: ['here'], projects: [{ project: 'Welcome' }] };

async function run(coordinator: CoordinatorProcess, command: string) {
  const live = await coordinator.api.live();
  const { id } = await coordinator.api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command } });
  const ended = await live.until(
    (event) => event.topic === 'execution' && event.id === id && isTerminal(event.execution.state),
  );
  live.close();
  return ended.topic === 'execution' ? ended.execution.state : null;
}

async function isHealthy({ api }: CoordinatorProcess, id: string): Promise<void> {
  await expect.poll(async () => (await api.call('getRunner', { params: { id } })).status).toBe('Healthy');
}

async function allKnow({ api }: CoordinatorProcess): Promise<void> {
  await expect.poll(async () => (await api.call('getTrust')).replicas).toMatchObject({ current: 1, total: 1 });
}

async function twoCertificates(work: string): Promise<readonly [Certificate, Certificate]> {
  const make = async (name: string) => {
    await mkdir(path.join(work, name));
    return certificateFor('127.0.0.1', path.join(work, name));
  };
  return [await make('one'), await make('two')];
}

function restarted(coordinator: CoordinatorProcess, args: readonly string[] = []): Promise<CoordinatorProcess> {
  const { port } = new URL(coordinator.url);
  return startCoordinator({ dataDir: coordinator.dataDir, port: Number(port), args });
}

test('a coordinator that is restored from a copy of before the rotation is still believed while the old key is taken', async ({
  work,
}) => {
  const dataDir = path.join(work, 'coordinator');
  let coordinator = await startCoordinator({ dataDir });
  const agent = await startAgent(coordinator, path.join(work, 'agent'), RUNNER);
  await coordinator.stop();
  await cp(dataDir, path.join(work, 'backup'), { recursive: true });
  coordinator = await restarted(coordinator);
  await isHealthy(coordinator, agent.runner.id);
  await coordinator.api.call('rotateKey');
  await allKnow(coordinator);
  await coordinator.stop();

  const { port } = new URL(coordinator.url);
  const restored = await startCoordinator({ dataDir: path.join(work, 'backup'), port: Number(port) });
  await isHealthy(restored, agent.runner.id);
  expect(await run(restored, 'true')).toBe('succeeded');
  await restored.stop();
});

test('a new authority: with an overlap nobody is cut off; without one, an agent that was away finds back by the key', async ({
  work,
}) => {
  const dataDir = path.join(work, 'coordinator');
  const [one, two] = await twoCertificates(work);
  const bundle = path.join(work, 'authorities.pem');
  const write = async (...files: string[]) =>
    writeFile(bundle, (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join(''));
  await write(one.ca);
  let coordinator = await startCoordinator({ dataDir, args: ['--tls-ca', bundle] });
  const { url } = coordinator;
  const front = await startTlsFront(() => url, one);
  const args = ['--tls-ca', bundle, '--public-url', front.url];
  await coordinator.stop();
  coordinator = await restarted(coordinator, args);

  const { runner } = await coordinator.api.call('createRunner', { body: { ...RUNNER, description: 'behind TLS' } });
  const { config } = await coordinator.api.call('describeInstall', { params: { id: runner.id } });
  const folder = path.join(work, 'agent');
  await mkdir(folder);
  await writeFile(path.join(folder, 'runner.json'), JSON.stringify(config), { mode: 0o600 });
  let agent = runAgent(folder);
  await isHealthy(coordinator, runner.id);

  // Old and new together; then the certificate; then the new one alone.
  await write(one.ca, two.ca);
  await coordinator.stop();
  coordinator = await restarted(coordinator, args);
  await allKnow(coordinator);
  expect((await coordinator.api.call('getTrust')).authorities).toHaveLength(2);
  front.exchange(two);
  await isHealthy(coordinator, runner.id);
  await write(two.ca);
  await coordinator.stop();
  coordinator = await restarted(coordinator, args);
  await allKnow(coordinator);
  expect(await run(coordinator, 'true')).toBe('succeeded');
  const foundBack = 'What the coordinator has announced since then is believed, and it is tried again.';
  expect(agent.output()).not.toContain(foundBack);

  // The old one is no longer taken at all, and there is no overlap: only the signature of the coordinator leads on.
  await agent.stop('SIGTERM');
  await write(one.ca);
  await coordinator.stop();
  coordinator = await restarted(coordinator, args);
  front.exchange(one);
  agent = runAgent(folder);
  await isHealthy(coordinator, runner.id);
  await allKnow(coordinator);
  expect(agent.output()).toContain(foundBack);
  expect(await run(coordinator, 'true')).toBe('succeeded');
  await front.close();
  await coordinator.stop();
});
