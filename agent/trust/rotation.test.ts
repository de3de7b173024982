import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IdentitySchema } from '../../protocol/enrolment.ts';
import { type FromAgent, operationSigningText } from '../../protocol/wire.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { type TestAgent, type TestAgentOptions, testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf, type TestCoordinator } from '../testing/test-coordinator.ts';

const echo = (text: string) => [{ type: 'command' as const, command: `echo ${text}` }];
const RETURNS = { enrolment: undefined };

async function identityOf(state: string) {
  return IdentitySchema.parse(JSON.parse(await readFile(join(state, 'identity.json'), 'utf8')));
}

/** What the agent says it believes, as soon as it is of this announcement. */
function noted(coordinator: TestCoordinator, serial = coordinator.keys.serial) {
  return coordinator.said('trust-noted', (message) => message.serial === serial);
}

/** The answer to an operation that a key has signed. */
async function answerTo(coordinator: TestCoordinator, key: string): Promise<FromAgent> {
  const session = await coordinator.connected();
  const { operation, payload } = coordinator.makeOperation(echo('signed'));
  session.send({
    type: 'operation',
    payload,
    signature: coordinator.keys.signWith(key, operationSigningText(payload)),
  });
  const fits = (message: { operation: string }) => message.operation === operation.operation;
  return await Promise.race([coordinator.said('accepted', fits), coordinator.said('refused', fits)]);
}

async function stopped(agent: TestAgent) {
  agent.stop('away');
  await agent.ended;
}

describe.each(['websocket', 'polling'])('over %s', (transport) => {
  const connect = (coordinator: TestCoordinator, options: TestAgentOptions = {}) =>
    testAgent(coordinator, { ...options, env: { OUTRUNNER_TRANSPORT: transport } });

  test('a key is replaced while an operation runs, which goes on; both are taken, then the new one alone', async () => {
    const coordinator = await testCoordinator();
    const { keys } = coordinator;
    const agent = await connect(coordinator);
    await coordinator.connected();
    const go = join(await temporaryFolder(), 'go');
    const running = await coordinator.offer([
      { type: 'command', command: `echo begun; until [ -e ${go} ]; do sleep 0.05; done; echo ended` },
    ]);
    await coordinator.recorded(running, ({ kind }) => kind === 'output');

    const first = keys.newest;
    const second = keys.rotate();
    coordinator.announce();
    expect(await noted(coordinator)).toMatchObject({ keys: [second, first], problem: null });
    // It was written down before it was said; a version that knows one key alone finds the newest.
    const identity = await identityOf(agent.state);
    expect(identity.coordinator.publicKey).toBe(second);
    expect(identity.trust).toMatchObject({ keys: [second, first], serial: keys.serial });
    expect(await answerTo(coordinator, first)).toMatchObject({ type: 'accepted' });
    expect(await answerTo(coordinator, second)).toMatchObject({ type: 'accepted' });

    keys.retire();
    coordinator.announce();
    expect(await noted(coordinator)).toMatchObject({ keys: [second], problem: null });
    expect((await identityOf(agent.state)).trust).toMatchObject({ keys: [second], former: [first] });
    expect(await answerTo(coordinator, first)).toMatchObject({ type: 'refused', code: 'operation-signature' });
    expect(await answerTo(coordinator, second)).toMatchObject({ type: 'accepted' });

    await writeFile(go, '');
    expect(outputOf(await coordinator.finished(running)).toString()).toBe('begun\nended\n');
    expect(coordinator.sessions).toBe(1);
  });

  test('an agent that was away for two rotations walks to the newest key, and stays there', async () => {
    const coordinator = await testCoordinator();
    const { keys } = coordinator;
    const first = keys.newest;
    const agent = await connect(coordinator);
    await coordinator.connected();
    await stopped(agent);
    for (let round = 0; round < 2; round++) {
      keys.rotate();
      keys.retire();
    }
    const back = await connect(coordinator, {
      folder: agent.folder,
      config: { ...RETURNS, coordinator: { url: coordinator.url, publicKey: first } },
    });
    expect((await coordinator.connected()).hello.trust).toEqual({ keys: [first], serial: 0 });
    expect(await noted(coordinator)).toMatchObject({ keys: [keys.newest], problem: null });
    expect(await answerTo(coordinator, first)).toMatchObject({ type: 'refused', code: 'operation-signature' });
    await stopped(back);
    // Its runner.json still holds the first key: what was learned counts.
    await connect(coordinator, {
      folder: agent.folder,
      config: { ...RETURNS, coordinator: { url: coordinator.url, publicKey: first } },
    });
    expect((await coordinator.connected()).hello.trust).toEqual({ keys: [keys.newest], serial: keys.serial });
    expect(await answerTo(coordinator, keys.newest)).toMatchObject({ type: 'accepted' });
  });
});

test('who stole the old key can neither name a successor nor say what holds; once it is retired, it signs nothing', async () => {
  const coordinator = await testCoordinator();
  const { keys } = coordinator;
  const stolen = keys.newest;
  const agent = await testAgent(coordinator);
  await coordinator.connected();
  const second = keys.rotate();
  coordinator.announce();
  await noted(coordinator);
  const before = await identityOf(agent.state);
  const thief = keys.make();
  const attempts = [
    keys.say(thief, { keys: [thief] }, [keys.link(stolen, thief)]),
    keys.say(thief, { keys: [thief, second] }, [...keys.succession, keys.link(stolen, thief)]),
    keys.say(stolen, { keys: [stolen] }, []),
  ];
  for (const [at, attempt] of attempts.entries()) {
    coordinator.session?.send({ type: 'trust', ...attempt });
    await expect
      .poll(() => coordinator.heard.filter((one) => one.type === 'trust-noted' && one.problem !== null).length)
      .toBe(at + 1);
  }
  expect(await identityOf(agent.state)).toEqual(before);
  expect(await answerTo(coordinator, thief)).toMatchObject({ type: 'refused', code: 'operation-signature' });
  keys.retire();
  coordinator.announce();
  await noted(coordinator);
  expect(await answerTo(coordinator, stolen)).toMatchObject({ type: 'refused', code: 'operation-signature' });
});

test('a coordinator that was restored from a backup of before the rotation is still believed during the overlap', async () => {
  const coordinator = await testCoordinator();
  const { keys } = coordinator;
  const first = keys.newest;
  const agent = await testAgent(coordinator);
  await coordinator.connected();
  const second = keys.rotate();
  coordinator.announce();
  await noted(coordinator);
  const next = coordinator.nextSession();
  keys.restore(first);
  coordinator.session?.socket.terminate();
  expect((await next).hello.trust?.keys).toEqual([second, first]);
  expect(await answerTo(coordinator, first)).toMatchObject({ type: 'accepted' });
  // It cannot take back what its later self has said.
  expect(await coordinator.said('trust-noted', ({ problem }) => problem !== null)).toMatchObject({
    keys: [second, first],
  });
  expect((await identityOf(agent.state)).trust?.keys).toEqual([second, first]);
});

test('a package with a key that was retired since then enrols, and leads to the newest', async () => {
  const coordinator = await testCoordinator();
  const config = coordinator.config();
  coordinator.keys.rotate();
  coordinator.keys.retire();
  const agent = await testAgent(coordinator, { config });
  expect((await coordinator.connected()).hello.trust).toEqual({
    keys: [coordinator.keys.newest],
    serial: coordinator.keys.serial,
  });
  expect((await identityOf(agent.state)).coordinator.publicKey).toBe(coordinator.keys.newest);
});

test.each<[string, (identity: Record<string, unknown>) => unknown]>([
  ['of before keys could be replaced', ({ trust: _, ...rest }) => rest],
  ['whose trust is damaged', (identity) => ({ ...identity, trust: { keys: 'none' } })],
  ['whose trust is that of another key', (identity) => ({ ...identity, trust: { keys: ['A'.repeat(43)], serial: 9 } })],
])('an identity %s believes the key that it pins, and learns the rest anew', async (_what, spoil) => {
  const coordinator = await testCoordinator();
  const agent = await testAgent(coordinator);
  await coordinator.connected();
  await stopped(agent);
  const path = join(agent.state, 'identity.json');
  const { coordinator: pinned } = await identityOf(agent.state);
  await writeFile(path, JSON.stringify(spoil(await identityOf(agent.state))));
  coordinator.keys.rotate();
  await testAgent(coordinator, { folder: agent.folder, config: { ...RETURNS, coordinator: pinned } });
  expect((await coordinator.connected()).hello.trust).toEqual({ keys: [pinned.publicKey], serial: 0 });
  expect(await noted(coordinator)).toMatchObject({ keys: coordinator.keys.keys, problem: null });
});

test('what cannot be written down is not used, and said to be so', async () => {
  const coordinator = await testCoordinator();
  const agent = await testAgent(coordinator);
  await coordinator.connected();
  const first = coordinator.keys.newest;
  const second = coordinator.keys.rotate();
  await rm(join(agent.state, 'identity.json'));
  coordinator.announce();
  expect(await coordinator.said('trust-noted')).toMatchObject({
    keys: [first],
    problem: expect.stringContaining('could not be written down (ENOENT)') as string,
  });
  expect(await answerTo(coordinator, second)).toMatchObject({ type: 'refused', code: 'operation-signature' });
  expect(await answerTo(coordinator, first)).toMatchObject({ type: 'accepted' });
});
