import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer, type TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { AGENT_EXIT, IdentitySchema, type RunnerConfig } from '../../protocol/enrolment.ts';
import { TRUST_PATH } from '../../protocol/trust.ts';
import { CLOSE } from '../../protocol/wire.ts';
import { isCertificateProblem } from '../connection/explain-failure.ts';
import { httpCall } from '../connection/http-call.ts';
import { createTransport } from '../connection/transport.ts';
import { readStatusFile } from '../host/status-file.ts';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { privateCertificate } from '../testing/certificate.ts';
import { connectProxy } from '../testing/connect-proxy.ts';
import { type TestAgent, testAgent, testCoordinator } from '../testing/test-agent.ts';
import type { TestCoordinator } from '../testing/test-coordinator.ts';

/** Two authorities with a certificate each; the coordinator begins with the first, which is in its packages. */
async function ready() {
  const [first, second] = await Promise.all([privateCertificate('localhost'), privateCertificate('localhost')]);
  const coordinator = await testCoordinator(first);
  const config = {
    ca: first.ca,
    coordinator: { ...coordinator.config().coordinator, authoritiesSha256: sha256(first.ca) },
  } satisfies Partial<RunnerConfig>;
  return { coordinator, first, second, config, again: { ...config, enrolment: undefined } };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function identityOf(state: string) {
  return IdentitySchema.parse(JSON.parse(await readFile(join(state, 'identity.json'), 'utf8')));
}

function announce(coordinator: TestCoordinator, authorities: string | null) {
  coordinator.keys.trustAuthorities(authorities);
  coordinator.announce();
}

/** Waits until the agent believes what was announced, and keeps the authorities of before until it has tried to do without. */
async function untilKept(agent: TestAgent) {
  await expect
    .poll(() => said(agent))
    .toContain('What the coordinator announces of its keys and authorities is believed.');
}

/** Announces authorities to the agent that is connected, and returns what it makes of them. */
async function announced(coordinator: TestCoordinator, authorities: string | null) {
  announce(coordinator, authorities);
  return await coordinator.said('trust-noted', ({ serial }) => serial === coordinator.keys.serial);
}

async function cut(coordinator: TestCoordinator) {
  const next = coordinator.nextSession();
  coordinator.session?.socket.terminate();
  return await next;
}

const said = (agent: TestAgent) => agent.lines.join('');

describe.each(['websocket', 'polling'])('over %s', (transport) => {
  const env = { OUTRUNNER_TRANSPORT: transport };

  test('an authority is replaced while the agent is connected: both, the new certificate, then the new one alone', async () => {
    const { coordinator, first, second, config } = await ready();
    const agent = await testAgent(coordinator, { config, env });
    await coordinator.connected();
    expect(await announced(coordinator, first.ca + second.ca)).toMatchObject({ problem: null });
    coordinator.useCertificate(second);
    await cut(coordinator);
    expect(await announced(coordinator, second.ca)).toMatchObject({ problem: null });
    const identity = await identityOf(agent.state);
    expect(identity.trust?.authorities).toBe(second.ca);
    expect(identity.keptAuthorities).toBeUndefined();
    // Without a new start of the process, the old one is believed no more.
    coordinator.useCertificate(first);
    // Closed in order: a link that polls lives on when a connection is cut.
    coordinator.session?.socket.close(CLOSE.shuttingDown, '');
    await expect.poll(() => said(agent)).toContain('an authority that this host does not know');
    const next = coordinator.nextSession();
    coordinator.useCertificate(second);
    await next;
  });

  test('an agent that was away for the whole change finds it announced, and comes back', async () => {
    const { coordinator, second, config, again } = await ready();
    const before = await testAgent(coordinator, { config, env });
    await coordinator.connected();
    before.stop('away');
    await before.ended;
    coordinator.keys.rotate();
    coordinator.keys.retire();
    coordinator.keys.trustAuthorities(second.ca);
    coordinator.useCertificate(second);
    const agent = await testAgent(coordinator, { folder: before.folder, config: again, env });
    expect((await coordinator.connected()).hello.trust?.serial).toBe(coordinator.keys.serial);
    expect(said(agent)).toContain('What the coordinator has announced since then is believed');
    // The old authority is given up once the new one has shown that it is enough.
    await expect.poll(async () => (await identityOf(agent.state)).keptAuthorities).toBeUndefined();
    const [asked] = coordinator.trustCalls;
    expect(Object.keys(asked ?? {}).sort()).toEqual(['accept', 'connection', 'host']);
  });
});

/** A session that lasts, of an agent whose time the test moves on. `spreadMs`: what the coordinator says of its fleet. */
async function longSession(spreadMs?: number) {
  const { coordinator, first, second, config } = await ready();
  Object.assign(coordinator.behaviour, { heartbeatMs: 60_000, silenceMs: 3_600_000, spreadMs });
  const clock = manualClock(Date.now());
  const agent = await testAgent(coordinator, { config, clock });
  await coordinator.connected();
  return { coordinator, first, second, clock, agent };
}

test('a package of before the change enrols, also through a proxy', async () => {
  const { coordinator, second, config } = await ready();
  coordinator.keys.trustAuthorities(second.ca);
  coordinator.useCertificate(second);
  const proxy = await connectProxy('someone:secret');
  const agent = await testAgent(coordinator, { config: { ...config, proxy: proxy.url } });
  await coordinator.connected();
  expect(said(agent)).toContain('has announced other authorities than the package holds');
  expect((await identityOf(agent.state)).trust?.authorities).toBe(second.ca);
  expect(JSON.stringify(coordinator.trustCalls)).not.toMatch(/secret|authorization/);
});

test('a wrong authority that is announced cuts nobody off: the old ones are kept, also over a restart, until it is put right', async () => {
  const { coordinator, first, second, config, again } = await ready();
  const agent = await testAgent(coordinator, { config });
  await coordinator.connected();
  const problem = expect.stringMatching(/^The authorities of before are kept: localhost:\d+ is not trusted/) as string;
  expect(await announced(coordinator, second.ca)).toMatchObject({ problem });
  expect((await identityOf(agent.state)).keptAuthorities).toContain('BEGIN CERTIFICATE');
  agent.stop('restart');
  await agent.ended;
  await coordinator.disconnected();
  coordinator.heard.length = 0;
  const back = await testAgent(coordinator, { folder: agent.folder, config: again });
  await coordinator.connected();
  expect(await coordinator.said('trust-noted')).toMatchObject({ problem });
  expect(await announced(coordinator, first.ca)).toMatchObject({ problem: null });
  expect((await identityOf(back.state)).keptAuthorities).toBeUndefined();
  // What was announced by mistake is not trusted either.
  coordinator.useCertificate(second);
  coordinator.session?.socket.terminate();
  await expect.poll(() => said(back)).toContain('an authority that this host does not know');
});

test('in a session that lasts it is tried again, and the old authorities go as soon as the new ones are enough', async () => {
  const { coordinator, second, config } = await ready();
  Object.assign(coordinator.behaviour, { heartbeatMs: 60_000, silenceMs: 3_600_000 });
  const clock = manualClock(Date.now());
  const agent = await testAgent(coordinator, { config, clock });
  await coordinator.connected();
  announce(coordinator, second.ca);
  await untilKept(agent);
  clock.advance(2_000);
  expect(await coordinator.said('trust-noted')).toMatchObject({ problem: expect.any(String) as string });
  coordinator.useCertificate(second);
  for (let seconds = 0; seconds < 600; seconds += 50) clock.advance(50_000);
  await coordinator.said('trust-noted', ({ problem }) => problem === null);
  expect((await identityOf(agent.state)).keptAuthorities).toBeUndefined();
  expect(coordinator.sessions).toBe(1);
});

test('whether it can do without an authority is tried later than 2,000 others do; no connection waits for that', async () => {
  const { coordinator, first, second, clock, agent } = await longSession();
  expect(await announced(coordinator, first.ca + second.ca)).toMatchObject({ problem: null });
  coordinator.useCertificate(second);
  announce(coordinator, second.ca);
  await untilKept(agent);
  // Cut off in between, it is back at once, with a clock that stands but for the wait between tries.
  const next = coordinator.nextSession();
  coordinator.heard.length = 0;
  coordinator.session?.socket.terminate();
  await expect.poll(() => said(agent)).toContain('The connection is gone');
  clock.advance(250);
  expect((await next).hello.trust?.serial).toBe(coordinator.keys.serial);
  await coordinator.said('heartbeat');
  // The agents of tests draw a tenth of the span.
  clock.advance(1_999);
  await turn();
  expect(coordinator.trustCalls).toEqual([]);
  expect((await identityOf(agent.state)).keptAuthorities).toContain('BEGIN CERTIFICATE');
  clock.advance(1);
  expect(await coordinator.said('trust-noted')).toMatchObject({ problem: null, serial: coordinator.keys.serial });
  expect(coordinator.trustCalls).toHaveLength(1);
  expect((await identityOf(agent.state)).keptAuthorities).toBeUndefined();
});

test('in a fleet that is said to be small, it is tried at once', async () => {
  const { coordinator, first, second, clock, agent } = await longSession(100);
  coordinator.useCertificate(second);
  const isGivenUp = async (spreadMs: number | undefined, afterMs: number) => {
    coordinator.behaviour.spreadMs = spreadMs;
    announce(coordinator, second.ca);
    const { serial } = coordinator.keys;
    await expect.poll(async () => (await identityOf(agent.state)).trust?.serial).toBe(serial);
    clock.advance(afterMs);
    expect(await coordinator.said('trust-noted', (said) => said.serial === serial)).toMatchObject({ problem: null });
  };
  // As it was said with the welcome; the agents of tests draw a tenth of it.
  await isGivenUp(undefined, 10);
  expect(await announced(coordinator, first.ca + second.ca)).toMatchObject({ problem: null });
  // As it is said with an announcement.
  await isGivenUp(10, 1);
  expect(coordinator.trustCalls).toHaveLength(2);
});

test('what is announced while the authorities are about to be tried is tried with them, by one connection', async () => {
  const { coordinator, first, second, clock, agent } = await longSession();
  announce(coordinator, second.ca);
  await untilKept(agent);
  clock.advance(1_000);
  const before = coordinator.session?.hello.trust?.serial;
  coordinator.keys.rotate();
  announce(coordinator, first.ca);
  // Of the key it is said at once, and of nothing else.
  const newest = coordinator.keys.keys[0];
  expect(await coordinator.said('trust-noted')).toMatchObject({ keys: [newest, expect.any(String)], serial: before });
  clock.advance(1_000);
  const { serial, keys } = coordinator.keys;
  const isLast = ({ serial: said }: { serial: number }) => said === serial;
  expect(await coordinator.said('trust-noted', isLast)).toMatchObject({ keys, problem: null });
  expect(coordinator.trustCalls).toHaveLength(1);
});

test('an announced authority that cannot be read is said, and the others are used', async () => {
  const { coordinator, first, config } = await ready();
  await testAgent(coordinator, { config });
  await coordinator.connected();
  const damaged = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
  expect(await announced(coordinator, first.ca + damaged)).toMatchObject({
    problem: '1 of the announced authorities cannot be read.',
  });
  await cut(coordinator);
});

test('a stranger at the address, with a certificate and a key of its own, neither ends the agent nor changes what it believes', async () => {
  const { coordinator, config } = await ready();
  const agent = await testAgent(coordinator, { config });
  await coordinator.connected();
  const before = await readFile(join(agent.state, 'identity.json'), 'utf8');
  const { port } = coordinator;
  await coordinator.stop();
  const own = await privateCertificate('localhost');
  const stranger = await testCoordinator(own, port);
  Object.assign(stranger.behaviour, { reject: 'replica-revoked' });
  stranger.keys.rotate();
  stranger.keys.trustAuthorities(own.ca);
  await expect.poll(() => stranger.trustCalls.length).toBeGreaterThan(1);
  await expect.poll(async () => (await readStatusFile(agent.state))?.lastError).toContain('is not trusted');
  expect(said(agent)).toContain('What the coordinator announces is not believed');
  expect(await readFile(join(agent.state, 'identity.json'), 'utf8')).toBe(before);
  // Nothing but the question was sent: no hello, and no word that somebody else may not hear.
  expect([stranger.sessions, stranger.heard, stranger.upgrades]).toEqual([0, [], 0]);
  expect(JSON.stringify(stranger.trustCalls)).not.toMatch(/authorization|ore_/);
  await stranger.stop();
  await coordinator.start();
  await coordinator.connected();
  expect(said(agent)).not.toContain('replica-revoked');
});

test('who holds a certificate that is taken, and no key, cannot turn the agent away for good', async () => {
  const coordinator = await testCoordinator();
  const agent = await testAgent(coordinator);
  await coordinator.connected();
  Object.assign(coordinator.behaviour, { reject: 'replica-revoked', provesRejections: false });
  coordinator.session?.socket.terminate();
  await expect.poll(() => said(agent)).toContain('does not prove to be the coordinator');
  await expect.poll(async () => (await readStatusFile(agent.state))?.lastError).toContain('(replica-revoked)');
  const next = coordinator.nextSession();
  coordinator.behaviour.reject = null;
  await next;
});

test('a rejection that was signed for another connection, or with a key that was retired, ends nobody', async () => {
  const coordinator = await testCoordinator();
  const first = coordinator.keys.newest;
  const agent = await testAgent(coordinator);
  const { hello } = await coordinator.connected();
  const recorded = coordinator.rejection('replica-revoked', hello);
  coordinator.keys.rotate();
  coordinator.keys.retire();
  const session = await cut(coordinator);
  await coordinator.said('trust-noted', ({ serial }) => serial === coordinator.keys.serial);
  let next = coordinator.nextSession();
  session.send(recorded);
  const again = await next;
  const text = `outrunner-rejected-v1\n${again.hello.nonce}\n${again.hello.replica}\nreplica-revoked`;
  next = coordinator.nextSession();
  const signature = coordinator.keys.signWith(first, text);
  again.send({ ...recorded, proof: { publicKey: first, signature } });
  (await next).send(coordinator.rejection('replica-revoked', (await coordinator.connected()).hello));
  await expect(agent.ended).rejects.toMatchObject({ exitCode: AGENT_EXIT.identityRefused });
});

test('who answers with a certificate that is not taken, and then says nothing, does not keep the agent from stopping', async () => {
  const { coordinator, config } = await ready();
  const agent = await testAgent(coordinator, { config });
  await coordinator.connected();
  const { port } = coordinator;
  await coordinator.stop();
  let asked = 0;
  const sockets = new Set<TLSSocket>();
  const silent = createServer(await privateCertificate('localhost'), (socket) => {
    sockets.add(socket);
    socket.on('data', () => (asked += 1)).on('error', () => undefined);
  }).on('tlsClientError', () => undefined);
  silent.listen(port, 'localhost');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  await expect.poll(() => asked).toBeGreaterThan(0);
  agent.stop('now');
  // Asking has a deadline of 20 s of its own; the test would be over by then.
  expect(await agent.ended).toBe('stopped');
  expect(said(agent)).not.toContain('Nothing is announced');
}, 15_000);

test('credentials that are revoked end the agent at once with one clear line, and it stays down', async () => {
  const { coordinator, config } = await ready();
  const folder = await packageFolder(coordinator, config);
  const agent = runAgentProgram(['run'], { cwd: folder });
  const { hello, send, socket } = await coordinator.connected();
  coordinator.behaviour.reject = 'replica-revoked';
  send(coordinator.rejection('replica-revoked', hello));
  socket.close(CLOSE.revoked, 'replica-revoked');
  expect(await agent.exited).toBe(AGENT_EXIT.identityRefused);
  const lines = agent.stderr().trim().split('\n');
  expect(lines.at(-1)).toContain('(replica-revoked)');
  expect(lines.filter((line) => line.includes('revoked')).length).toBe(1);
  const again = runAgentProgram(['run'], { cwd: folder });
  expect(await again.exited).toBe(AGENT_EXIT.identityRefused);
  expect(coordinator.sessions).toBe(1);
});

test('authorities that change hold from the next call on, whatever connections and sessions of TLS there were', async () => {
  const { coordinator, first, second } = await ready();
  const transport = createTransport({ ...coordinator.config(), ca: first.ca });
  expect((await httpCall(transport, 'GET', TRUST_PATH)).status).toBe(404);
  transport.trustAuthorities([second.ca]);
  const refused: unknown = await httpCall(transport, 'GET', TRUST_PATH).catch((error: unknown) => error);
  expect(isCertificateProblem(refused)).toBe(true);
  coordinator.useCertificate(second);
  expect((await httpCall(transport, 'GET', TRUST_PATH)).status).toBe(404);
});

test('doctor names the keys and the authorities, and says that a change which was announced will be taken', async () => {
  const { coordinator, first, second, config } = await ready();
  const folder = await packageFolder(coordinator, config);
  const running = runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
  const [earlier, key] = [coordinator.keys.newest, coordinator.keys.rotate()];
  expect(await announced(coordinator, first.ca)).toMatchObject({ problem: null });
  running.child.kill('SIGTERM');
  await running.exited;
  const identity = await readFile(join(folder, 'state', 'identity.json'), 'utf8');
  coordinator.keys.trustAuthorities(second.ca);
  coordinator.useCertificate(second);
  const doctor = runAgentProgram(['doctor'], { cwd: folder });
  await doctor.exited;
  expect(doctor.stdout()).toContain(`✓ trust          coordinator key ${key}, and still ${earlier}; announcement 2`);
  expect(doctor.stdout()).toContain('its authorities: "O=Test, CN=Private authority"');
  expect(doctor.stdout()).toContain('"run" will take the authorities that the coordinator has announced since');
  // It looks, and changes nothing.
  expect(await readFile(join(folder, 'state', 'identity.json'), 'utf8')).toBe(identity);
});
