import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { CoordinatorProcess } from '../bench/harness/coordinator.ts';
import { startCoordinator } from '../bench/harness/coordinator.ts';
import { API_BASE } from '../protocol/api/routes.ts';
import { AGENT_EXIT, IdentitySchema, RunnerConfigSchema } from '../protocol/enrolment.ts';
import { certificateFor } from './support/certificate.ts';
import { startPackage, unpack } from './support/package.ts';
import { expect, test } from './support/test.ts';

/** Keys and authorities are replaced under the packages of a real coordinator, with the real agent in them. */

/** Creates a Runner that carries its name as a tag, and unpacks its package; returns its id and the folder. */
async function download(coordinator: CoordinatorProcess, work: string, name: string) {
  const body = { name, description: 'A host in the lab', tags: [name], projects: [{ project: 'Welcome' }] };
  const { runner } = await coordinator.api.call('createRunner', { body });
  const query = 'platform=linux-x64&format=tar.gz';
  const response = await coordinator.api.fetch(`${API_BASE}/runners/${runner.id}/package?${query}`);
  expect(response.status).toBe(200);
  const archive = path.join(work, `${name}.tar.gz`);
  await writeFile(archive, Buffer.from(await response.arrayBuffer()));
  return { id: runner.id, folder: await unpack(archive, path.join(work, name)) };
}

/** Resolves when so many replicas believe what holds now, and nobody is behind for another reason than being away. */
async function believed(coordinator: CoordinatorProcess, current: number) {
  await expect
    .poll(async () => (await coordinator.api.call('getTrust')).replicas, { intervals: [100], timeout: 30_000 })
    .toMatchObject({ current, told: 0, refused: 0, unable: 0 });
}

async function stateOf({ api }: CoordinatorProcess, id: string) {
  return (await api.call('getExecution', { params: { id } })).state;
}

function run({ api }: CoordinatorProcess, tag: string, command: string) {
  return api.call('runAdHoc', { params: { project: 'Welcome' }, body: { command, runnerTags: [tag] } });
}

/** A job on the Runner with this tag succeeds. */
async function works(coordinator: CoordinatorProcess, tag: string) {
  const { id } = await run(coordinator, tag, 'echo there');
  await expect.poll(() => stateOf(coordinator, id), { intervals: [100] }).toBe('succeeded');
}

async function identityIn(folder: string) {
  return IdentitySchema.parse(JSON.parse(await readFile(path.join(folder, 'state', 'identity.json'), 'utf8')));
}

test.skip(process.arch !== 'x64', 'the executable built here is for x64');

test('the key is replaced twice under a running job; who was away, or was only downloaded, finds its way; revoking still ends', async ({
  work,
  coordinator,
}) => {
  const { api } = coordinator;
  const here = await download(coordinator, work, 'here');
  const away = await download(coordinator, work, 'away');
  const late = await download(coordinator, work, 'late');
  const agent = startPackage(here.folder);
  const before = startPackage(away.folder);
  await believed(coordinator, 2);
  await before.stop('SIGTERM');
  const first = (await api.call('getTrust')).key.publicKey;
  const go = path.join(work, 'go');
  const { id } = await run(coordinator, 'here', `until [ -e ${go} ]; do sleep 0.1; done`);
  await expect.poll(() => stateOf(coordinator, id)).toBe('running');
  for (let round = 0; round < 2; round++) {
    expect((await api.call('rotateKey')).previousKey).not.toBeNull();
    await believed(coordinator, 1);
    expect((await api.call('retireKey', { body: { leaveBehind: false } })).previousKey).toBeNull();
    await believed(coordinator, 1);
  }
  await writeFile(go, '');
  await expect.poll(() => stateOf(coordinator, id)).toBe('succeeded');

  const back = startPackage(away.folder);
  const third = startPackage(late.folder);
  await believed(coordinator, 3);
  for (const tag of ['here', 'away', 'late']) await works(coordinator, tag);
  const now = (await api.call('getTrust')).key.publicKey;
  for (const { folder } of [here, away, late]) {
    const { trust } = await identityIn(folder);
    expect(trust?.keys).toEqual([now]);
    expect(trust?.former).toContain(first);
  }

  await api.call('createEnrolment', { params: { id: late.id }, body: { revoke: true } });
  expect((await third.ended).code).toBe(AGENT_EXIT.identityRefused);
  const lines = third.output().trimEnd().split('\n');
  expect(lines.filter((line) => line.includes('revoked'))).toEqual([lines.at(-1)]);
  await agent.stop('SIGTERM');
  await back.stop('SIGTERM');
});

test('the authority of the certificate is replaced, as advised and against all advice, and nobody is cut off', async ({
  work,
}) => {
  const [one, two] = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const folder = path.join(work, name);
      await mkdir(folder);
      const { ca, cert, key } = await certificateFor('127.0.0.1', folder);
      return { ca: await readFile(ca, 'utf8'), cert, key };
    }),
  );
  if (one === undefined || two === undefined) throw new Error('There have to be two authorities.');
  // The API client of this test takes both all along.
  setDefaultCACertificates([...getCACertificates('default'), one.ca, two.ca]);
  const file = path.join(work, 'authorities.pem');
  const dataDir = path.join(work, 'coordinator');
  const start = async ({ cert, key }: typeof one, authorities: string, port = 0) => {
    await writeFile(file, authorities);
    const args = ['--tls-cert', cert, '--tls-key', key, '--tls-ca', file];
    return await startCoordinator({ dataDir, port, args });
  };
  let coordinator = await start(one, one.ca);
  const again = async (certificate: typeof one, authorities: string) => {
    const port = Number(new URL(coordinator.url).port);
    await coordinator.stop();
    coordinator = await start(certificate, authorities, port);
  };

  const { folder } = await download(coordinator, work, 'host');
  const config = RunnerConfigSchema.parse(JSON.parse(await readFile(path.join(folder, 'runner.json'), 'utf8')));
  expect(config.coordinator.authoritiesSha256).toBeDefined();
  let agent = startPackage(folder);
  await believed(coordinator, 1);

  await test.step('as advised', async () => {
    for (const [certificate, authorities] of [
      [one, one.ca + two.ca],
      [two, one.ca + two.ca],
      [two, two.ca],
    ] as const) {
      await again(certificate, authorities);
      await believed(coordinator, 1);
      await works(coordinator, 'host');
    }
    expect((await identityIn(folder)).keptAuthorities).toBeUndefined();
  });

  await test.step('at once, while it is away', async () => {
    await agent.stop('SIGTERM');
    await again(one, one.ca);
    agent = startPackage(folder);
    await believed(coordinator, 1);
    await works(coordinator, 'host');
  });

  await test.step('by mistake', async () => {
    await again(one, two.ca);
    const said = async () => (await coordinator.api.call('getTrust')).behind[0]?.detail;
    await expect.poll(said, { timeout: 30_000 }).toContain('The authorities of before are kept');
    await works(coordinator, 'host');
    await again(one, one.ca);
    await believed(coordinator, 1);
    expect((await identityIn(folder)).keptAuthorities).toBeUndefined();
  });
  await agent.stop('SIGTERM');
  await coordinator.stop();
});
