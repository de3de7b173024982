import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { runAgent, writeRunnerConfig } from '../bench/harness/agent.ts';
import { type CoordinatorProcess, startCoordinator } from '../bench/harness/coordinator.ts';
import { isTerminal } from '../protocol/execution-state.ts';
import { type Certificate, certificateFor } from './support/certificate.ts';
import { expect, test } from './support/test.ts';

async function certificateIn(folder: string): Promise<Certificate> {
  await mkdir(folder);
  return certificateFor('127.0.0.1', folder);
}

const tlsOf = ({ ca, cert, key }: Certificate) => ['--tls-ca', ca, '--tls-cert', cert, '--tls-key', key];

/** All agents believe what holds now. */
async function believed({ api }: CoordinatorProcess): Promise<void> {
  await expect.poll(async () => (await api.call('getTrust')).replicas).toMatchObject({ total: 1, current: 1 });
}

/** A command runs to its end. */
async function works({ api }: CoordinatorProcess): Promise<void> {
  const { id } = await api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command: 'echo well' } });
  const state = async () => (await api.call('getExecution', { params: { id } })).state;
  await expect.poll(async () => isTerminal(await state())).toBe(true);
  expect(await state()).toBe('succeeded');
}

test('an agent goes along with new keys while it is connected, and finds back after keys and authorities were all replaced without it', async ({
  work,
}) => {
  const [one, two] = [await certificateIn(path.join(work, 'one')), await certificateIn(path.join(work, 'two'))];
  const [ca, later] = [await readFile(one.ca, 'utf8'), await readFile(two.ca, 'utf8')];
  setDefaultCACertificates([...getCACertificates(), ca, later]);
  const dataDir = path.join(work, 'coordinator');
  let coordinator = await startCoordinator({ dataDir, args: tlsOf(one) });
  const port = Number(new URL(coordinator.url).port);
  const folder = path.join(work, 'agent');
  const runner = await writeRunnerConfig(coordinator, folder, { name: 'r1', projects: [{ project: 'Welcome' }] });
  // What its package would hold: the certificates are the coordinator's own.
  const { config } = await coordinator.api.call('describeInstall', { params: { id: runner.id } });
  expect(config).toMatchObject({ ca, coordinator: { authoritiesSha256: expect.any(String) } });
  await writeFile(path.join(folder, 'runner.json'), JSON.stringify(config), { mode: 0o600 });
  let agent = runAgent(folder);
  await believed(coordinator);
  await works(coordinator);

  const { key, previousKey } = await coordinator.api.call('rotateKey');
  expect(previousKey).not.toBeNull();
  await believed(coordinator);
  await works(coordinator);
  await coordinator.api.call('retireKey', { body: {} });
  await believed(coordinator);
  await works(coordinator);

  await agent.stop('SIGTERM');
  for (let i = 0; i < 2; i++) {
    await coordinator.api.call('rotateKey');
    await coordinator.api.call('retireKey', { body: {} });
  }
  expect((await coordinator.api.call('getTrust')).key.publicKey).not.toBe(key.publicKey);
  await coordinator.stop();
  coordinator = await startCoordinator({ dataDir, port, args: tlsOf(two) });
  agent = runAgent(folder);
  await believed(coordinator);
  await works(coordinator);

  const { replicas } = await coordinator.api.call('getRunner', { params: { id: runner.id } });
  await coordinator.api.call('deleteReplica', { params: { id: runner.id, replicaId: replicas[0]?.id ?? '' } });
  expect((await agent.ended).code).toBe(12);
  await coordinator.stop();
});
