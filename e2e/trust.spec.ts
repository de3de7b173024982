import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { type AgentProcess, runAgent, startAgent, writeRunnerConfig } from '../bench/harness/agent.ts';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import { AGENT_EXIT } from '../protocol/enrolment.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { type Certificate, certificateFor } from './support/certificate.ts';
import { expect, test } from './support/test.ts';
import { startTlsFront } from './support/tls-front.ts';

/** The coordinator's key and its authorities are replaced, with real agents that are connected, away, or not there yet. */

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

async function again(agent: AgentProcess) {
  return runAgent(agent.folder);
}

test('the key is rotated and retired under a connected agent: what runs goes on, and all that follows is taken', async ({
  coordinator,
  work,
}) => {
  const { api } = coordinator;
  const first = await coordinator.publicKey();
  const agent = await startAgent(coordinator, path.join(work, 'agent'), RUNNER);
  const command = `until [ -e '${work}/go' ]; do sleep 0.05; done; echo over`;
  const { id } = await api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command } });
  await expect.poll(async () => (await api.call('getExecution', { params: { id } })).state).toBe('running');

  const rotated = await api.call('rotateKey');
  expect(rotated).toMatchObject({ previousKey: { publicKey: first }, replicas: { total: 1 } });
  expect(rotated.key.publicKey).not.toBe(first);
  await expect(api.call('rotateKey')).rejects.toMatchObject({ code: 'key-rotation-open' });
  await allKnow(coordinator);
  expect(await run(coordinator, 'echo in the overlap')).toBe('succeeded');
  const retired = await api.call('retireKey', { body: {} });
  expect(retired).toMatchObject({ key: { publicKey: rotated.key.publicKey }, previousKey: null });
  await expect(api.call('retireKey', { body: {} })).rejects.toMatchObject({ code: 'key-single' });
  expect(await run(coordinator, 'echo after it')).toBe('succeeded');
  await writeFile(path.join(work, 'go'), '');
  await expect.poll(async () => (await api.call('getExecution', { params: { id } })).state).toBe('succeeded');

  await agent.stop();
  await again(agent);
  await isHealthy(coordinator, agent.runner.id);
  expect(await run(coordinator, 'echo restarted')).toBe('succeeded');
  expect(await coordinator.publicKey()).toBe(rotated.key.publicKey);
});

test('an agent that was away for two rotations, and a download of before them, find their coordinator', async ({
  coordinator,
  work,
}) => {
  const { api } = coordinator;
  const agent = await startAgent(coordinator, path.join(work, 'agent'), RUNNER);
  const late = await writeRunnerConfig(coordinator, path.join(work, 'late'), { ...RUNNER, name: 'late' });
  await agent.stop();
  for (const round of [1, 2]) {
    await api.call('rotateKey');
    const { previousKey } = await api.call('retireKey', { body: {} });
    expect(previousKey, `round ${round}`).toBeNull();
  }
  const { behind } = await api.call('getTrust');
  expect(behind).toMatchObject([{ runnerName: 'r1', connected: false, reason: 'away' }]);
  await again(agent);
  await isHealthy(coordinator, agent.runner.id);
  runAgent(path.join(work, 'late'));
  await isHealthy(coordinator, late.id);
  await expect.poll(async () => (await api.call('getTrust')).replicas).toMatchObject({ current: 2, total: 2 });
  expect(await run(coordinator, 'true')).toBe('succeeded');
});

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

test('an agent finds back after keys and authorities were all replaced without it, and is then revoked by the new key', async ({
  work,
}) => {
  const [one, two] = await twoCertificates(work);
  // For this process, which asks the coordinator over TLS.
  setDefaultCACertificates([...getCACertificates(), await readFile(one.ca, 'utf8'), await readFile(two.ca, 'utf8')]);
  const tls = ({ ca, cert, key }: Certificate) => ['--tls-ca', ca, '--tls-cert', cert, '--tls-key', key];
  let coordinator = await startCoordinator({ dataDir: path.join(work, 'coordinator'), args: tls(one) });
  const { runner } = await coordinator.api.call('createRunner', { body: { ...RUNNER, description: 'over TLS' } });
  const { config } = await coordinator.api.call('describeInstall', { params: { id: runner.id } });
  const folder = path.join(work, 'agent');
  await mkdir(folder);
  await writeFile(path.join(folder, 'runner.json'), JSON.stringify(config), { mode: 0o600 });
  let agent = runAgent(folder);
  await allKnow(coordinator);
  await agent.stop('SIGTERM');
  for (const _ of [1, 2]) {
    await coordinator.api.call('rotateKey');
    await coordinator.api.call('retireKey', { body: {} });
  }
  await coordinator.stop();
  coordinator = await restarted(coordinator, tls(two));
  agent = runAgent(folder);
  await allKnow(coordinator);
  expect(await run(coordinator, 'true')).toBe('succeeded');

  const { replicas } = await coordinator.api.call('getRunner', { params: { id: runner.id } });
  await coordinator.api.call('deleteReplica', { params: { id: runner.id, replicaId: replicas[0]?.id ?? '' } });
  expect((await agent.ended).code).toBe(AGENT_EXIT.identityRefused);
  await coordinator.stop();
});
