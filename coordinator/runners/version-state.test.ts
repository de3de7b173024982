import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { ENROL_PATH } from '../../protocol/wire.ts';
import { enrolSimulated, HOST_FACTS, makeEnrolmentKeys, SimulatedAgent } from '../testing/simulated-agent.ts';
import { writeSmallRelease } from '../testing/small-release.ts';
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
async function handOut(version: string): Promise<void> {
  await writeSmallRelease(agentsDir, Buffer.alloc(0), [], version);
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

it('an agent that was replaced by hand with one of a newer protocol is told apart from one that is too old', async () => {
  await handOut(HOST_FACTS.agentVersion);
  const { id, token } = await create('replaced by hand');
  const identity = await enrolSimulated(whole.url, id, token);
  const { now } = whole.clock;
  const agent = new SimulatedAgent(identity, { now });
  await agent.connect();
  agent.kill();
  await agent.closed();
  whole.clock.advance(1000);
  const newer = new SimulatedAgent(identity, { now, protocol: PROTOCOL_VERSION + 1 });
  await expect(newer.connect()).rejects.toThrow('protocol-too-new');
  const found = async (versionState: string) => {
    const { body } = await whole.call('listRunners', { query: { versionState } });
    return body.items.map(({ name }: { name: string }) => name);
  };
  await expect.poll(() => found('too-new')).toEqual(['replaced by hand']);
  expect(await found('too-old')).not.toContain('replaced by hand');
  const { body } = await whole.call('getRunner', { params: { id } });
  expect(body.refusals).toMatchObject([{ code: 'protocol-too-new', detail: expect.stringContaining('0.1.0') }]);
  await agent.connect();
  expect(await found('current')).toContain('replaced by hand');
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
