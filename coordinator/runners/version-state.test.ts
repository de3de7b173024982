import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ReleaseManifest, releaseBytes } from '../../protocol/release.ts';
import { ENROL_PATH } from '../../protocol/wire.ts';
import { enrolSimulated, HOST_FACTS, makeEnrolmentKeys } from '../testing/simulated-agent.ts';
import { newRunner, startWhole, type WholeCoordinator } from '../testing/whole-coordinator.ts';

let agentsDir: string;
let whole: WholeCoordinator;
beforeAll(async () => {
  agentsDir = await mkdtemp(join(tmpdir(), 'outrunner-versions-'));
  whole = await startWhole({ settings: { agentsDir } });
});
afterAll(async () => {
  await whole.stop();
  await rm(agentsDir, { recursive: true });
});

/** Hands out this version: of no platform, which is enough to compare. */
async function handOut(productVersion: string): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const id = createHash('sha256').update(raw).digest('hex').slice(0, 16);
  const manifest: ReleaseManifest = {
    format: 1,
    productVersion,
    protocolVersion: 2,
    builtAt: '2026-11-23T00:00:00.000Z',
    development: true,
    key: { id, publicKey: raw.toString('base64url') },
    executables: [],
  };
  const signature = sign(null, releaseBytes(manifest), privateKey).toString('base64url');
  await writeFile(join(agentsDir, 'manifest.json'), JSON.stringify({ manifest, signature }));
}

async function create(name: string) {
  const { body } = await whole.call('createRunner', { body: newRunner(name) });
  return { id: String(body.runner.id), token: String(body.enrolment.token) };
}

it('finds Runners by how their version stands to the one that is handed out now', async () => {
  const found = async (versionState: string) => {
    const { body, status } = await whole.call('listRunners', { query: { versionState } });
    expect(status).toBe(200);
    return body.items.map(({ name }: { name: string }) => name);
  };
  const { id, token } = await create('here');
  await enrolSimulated(whole.url, id, token);
  await create('never started');
  expect(await found('unknown'), 'nothing is handed out').toEqual(['here', 'never started']);

  const order: [string, string][] = [
    [HOST_FACTS.agentVersion, 'current'],
    ['0.10.0', 'outdated'],
    ['0.0.9', 'newer'],
  ];
  for (const [version, state] of order) {
    await handOut(version);
    expect(await found(state), version).toEqual(['here']);
    expect(await found('unknown'), version).toEqual(['never started']);
  }

  const old = await create('from another time');
  const { signingPublic: signingKey, sealingPublic: sealingKey } = makeEnrolmentKeys();
  const claim = { runner: old.id, token: old.token, signingKey, sealingKey, proof: 'A'.repeat(86), host: HOST_FACTS };
  const body = { protocol: 1, ...claim };
  expect((await whole.request('POST', ENROL_PATH, { token: null, body })).body.code).toBe('protocol-unsupported');
  expect(await found('too-old')).toEqual(['from another time']);
});

it('an upgrade of a Runner that is not there names its place in the list', async () => {
  await handOut('0.10.0');
  const { id } = await create('somewhere');
  const runners = [id, '00000000-0000-4000-8000-000000000000'];
  expect(await whole.call('createUpgrade', { body: { runners } })).toMatchObject({
    status: 400,
    body: { code: 'invalid-input', fields: [{ path: 'runners.1', message: 'There is no such Runner.' }] },
  });
});
