import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runnerStatus } from '../../protocol/status.ts';
import { PROTOCOL_VERSION, type ProtocolRange } from '../../protocol/version.ts';
import { SimulatedAgent } from '../testing/simulated-agent.ts';
import { eventually, TestCoordinator } from '../testing/test-coordinator.ts';

let coordinator: TestCoordinator;
let runner: string;
const defaults: { transport: 'websocket' | 'polling' } = { transport: 'websocket' };
beforeEach(async () => {
  coordinator = await TestCoordinator.start();
  runner = await coordinator.addRunner('one');
});
afterEach(() => coordinator.end());

async function newAgent(settings: ConstructorParameters<typeof SimulatedAgent>[1] = {}): Promise<SimulatedAgent> {
  return new SimulatedAgent(await coordinator.enrol(runner), {
    now: () => coordinator.clock.now(),
    ...defaults,
    ...settings,
  });
}

function status() {
  const replicas = coordinator.gateway.presence.ofRunner(runner).map((replica) => ({
    lastSeen: replica.lastSeen,
    saidGoodbye: replica.saidGoodbye,
    running: replica.running,
    maximum: replica.maximum,
    failingChecks: replica.checks.filter((check) => !check.ok).map((check) => check.check),
  }));
  return runnerStatus(replicas, coordinator.clock.now()).status;
}

const replica = () => {
  const [only] = coordinator.gateway.presence.ofRunner(runner);
  if (only === undefined) throw new Error('There is no replica.');
  return only;
};

it('an agent that is too old for work is let in to be upgraded; one that is older still, or newer, is not', async () => {
  const agent = await newAgent();
  const speaks = async (protocols: ProtocolRange) => {
    coordinator.protocols = protocols;
    await coordinator.restart();
    await agent.connect();
    return replica().speaksProtocol;
  };
  const now = PROTOCOL_VERSION;
  expect(await speaks({ current: now, oldest: now, oldestUpgradable: now })).toBe(true);
  expect(await speaks({ current: now + 2, oldest: now + 1, oldestUpgradable: now })).toBe(false);
  await expect(speaks({ current: now + 2, oldest: now + 1, oldestUpgradable: now + 1 })).rejects.toThrow(
    'protocol-unsupported',
  );
  await expect(speaks({ current: now - 1, oldest: now - 1, oldestUpgradable: now - 1 })).rejects.toThrow(
    'protocol-too-new',
  );
});

describe.each(['websocket', 'polling'] as const)('presence over %s', (transport) => {
  beforeEach(() => {
    defaults.transport = transport;
  });

  it('goes New, Healthy, Down at a good-bye, Healthy again', async () => {
    expect(status()).toBe('New');
    const agent = await newAgent();
    expect(status()).toBe('New');
    await agent.connect();
    expect(status()).toBe('Healthy');
    agent.send({ type: 'goodbye', reason: 'test' });
    await agent.closed();
    expect(status()).toBe('Down');
    expect(replica()).toMatchObject({ connected: false, saidGoodbye: true });
    await agent.connect();
    expect(status()).toBe('Healthy');
  });

  it('is Healthy at 30.000 s of silence, Unknown at 30.001 s and at 120.000 s, Down at 120.001 s', async () => {
    const agent = await newAgent();
    await agent.connect();
    agent.kill();
    await eventually(() => {
      // A call that broke off may be made again: of an agent that polls this is known only after a while.
      if (transport === 'polling') coordinator.clock.advance(1000);
      return !replica().connected;
    });
    expect(status()).toBe('Healthy');
    coordinator.clock.jump((replica().lastSeen ?? 0) + 30_000 - coordinator.clock.now());
    expect(status()).toBe('Healthy');
    coordinator.clock.jump(1);
    expect(status()).toBe('Unknown');
    coordinator.clock.jump(89_999);
    expect(status()).toBe('Unknown');
    coordinator.clock.jump(1);
    expect(status()).toBe('Down');
  });

  it('is Busy at its capacity, Unhealthy with a failing self-check, and follows heartbeats', async () => {
    const agent = await newAgent({ maximum: 2 });
    await agent.connect();
    const lists = { checks: [], operations: [], delivering: [], accepting: true };
    agent.send({ type: 'heartbeat', time: 0, running: 2, queued: 1, maximum: 2, ...lists });
    await agent.next('beat');
    expect(status()).toBe('Busy');
    agent.beat([], [{ check: 'disk', ok: false, detail: 'full' }]);
    await agent.next('beat');
    expect(status()).toBe('Unhealthy');
  });

  it('measures the skew of the clock and the round trip, and tells listeners of changes', async () => {
    const told: string[] = [];
    coordinator.gateway.presence.onChange((id) => told.push(id));
    const agent = await newAgent({ now: () => coordinator.clock.now() + 86_400_000 });
    await agent.connect();
    expect(replica().skewMs).toBe(86_400_000);
    const first = await agent.next('ping');
    agent.send({ type: 'pong', id: first.id });
    const ping = coordinator.gateway.presence.ping(runner, 5000);
    const { id } = await agent.next('ping');
    coordinator.clock.advance(7);
    agent.send({ type: 'pong', id });
    expect(await ping).toEqual({ replicaId: agent.identity.replica, roundTripMs: 7 });
    coordinator.clock.advance(250);
    expect(told).toContain(runner);
  });

  it('says that a Runner cannot be reached: at once when it is not connected, else after the time given', async () => {
    const { presence } = coordinator.gateway;
    await expect(presence.ping(runner, 1000)).rejects.toMatchObject({ code: 'runner-unreachable' });
    const agent = await newAgent();
    await agent.connect();
    const ping = presence.ping(runner, 1000);
    const refused = expect(ping).rejects.toMatchObject({ code: 'runner-unreachable' });
    await agent.next('ping');
    coordinator.clock.advance(1000);
    await refused;
  });

  it('remembers over a restart when it was last heard of', async () => {
    const agent = await newAgent();
    await agent.connect();
    coordinator.clock.advance(3000);
    agent.beat();
    await agent.next('beat');
    const { lastSeen } = replica();
    await coordinator.restart();
    expect(replica()).toMatchObject({ lastSeen, connected: false });
    expect(status()).toBe('Healthy');
    await agent.connect();
    expect(status()).toBe('Healthy');
  });

  it('tells agents their new limit, and counts by the lower of both', async () => {
    const agent = await newAgent({ maximum: 10 });
    expect(await agent.connect()).toMatchObject({ maximum: 50 });
    expect(replica().maximum).toBe(10);
    coordinator.gateway.presence.setMaximum(runner, 4);
    expect(await agent.next('maximum')).toMatchObject({ maximum: 4 });
    expect(replica().maximum).toBe(4);
  });
});

describe.each(['websocket', 'polling'] as const)('the handshake over %s', (transport) => {
  beforeEach(() => {
    defaults.transport = transport;
  });

  it('refuses an identity that is unknown, revoked, or signs with another key', async () => {
    const agent = await newAgent();
    const other = await newAgent();
    const forged = new SimulatedAgent({ ...agent.identity, signingKey: other.identity.signingKey }, defaults);
    await expect(forged.connect()).rejects.toMatchObject({ code: 'signature-refused' });
    const nobody = new SimulatedAgent({ ...agent.identity, replica: crypto.randomUUID() }, defaults);
    await expect(nobody.connect()).rejects.toMatchObject({ code: 'replica-unknown' });
    await other.connect();
    coordinator.gateway.presence.revoke(other.identity.replica);
    expect(await other.closed()).toBe(4006);
    await eventually(() => coordinator.refusals.length === 2);
    expect(coordinator.refusals.map((refusal) => refusal.code)).toEqual(['signature-refused', 'replica-unknown']);
  });

  it('numbers sessions, over restarts too', async () => {
    const agent = await newAgent();
    const { epoch } = await agent.connect();
    agent.kill();
    expect((await agent.connect()).epoch).toBe(epoch + 1);
    await coordinator.restart();
    expect((await agent.connect()).epoch).toBe(epoch + 2);
  });

  it('ends the older session of the same process without calling it a duplicate', async () => {
    const agent = await newAgent();
    await agent.connect();
    const again = new SimulatedAgent(agent.identity, { ...defaults, instance: agent.instance });
    await again.connect();
    expect(await agent.closed()).toBe(4002);
    expect(agent.heard.some((message) => message.type === 'rejected')).toBe(false);
    expect(replica()).toMatchObject({ connected: true, duplicateSeenAt: null });
  });

  it('notices two live processes with one identity', async () => {
    const agent = await newAgent();
    await agent.connect();
    const twin = new SimulatedAgent(agent.identity, defaults);
    await twin.connect();
    expect(await agent.next('rejected')).toMatchObject({ code: 'session-superseded' });
    expect(await agent.closed()).toBe(4002);
    expect(replica()).toMatchObject({ connected: true, duplicateSeenAt: coordinator.clock.now() });
  });

  it('takes a new process for a restart when the old one had been silent', async () => {
    const agent = await newAgent();
    await agent.connect();
    coordinator.clock.advance(7_000);
    // Told something, it is there without having said anything.
    coordinator.gateway.presence.setMaximum(runner, 4);
    await agent.next('maximum');
    coordinator.clock.advance(6_000);
    const again = new SimulatedAgent(agent.identity, defaults);
    await again.connect();
    expect(await agent.closed()).toBe(4002);
    expect(replica().duplicateSeenAt).toBeNull();
  });

  it('ends a connection that does not say who it is', async () => {
    const agent = await newAgent();
    await agent.open();
    await agent.next('challenge');
    coordinator.clock.advance(11_000);
    await agent.closed();
  });

  it('answers other paths than its own with 404, and cut-off requests with nothing worse', async () => {
    const { port } = new URL(coordinator.url);
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write('GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    const [data] = (await once(socket, 'data')) as [Buffer];
    expect(data.toString()).toMatch(/^HTTP\/1\.1 404/);
    socket.destroy();
    const broken = connect(Number(port), '127.0.0.1');
    await once(broken, 'connect');
    broken.write('GET /runner/v1/connect HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    broken.resetAndDestroy();
    await (await newAgent()).connect();
  });
});

describe.each(['websocket', 'polling'] as const)('a session over %s', (transport) => {
  beforeEach(() => {
    defaults.transport = transport;
  });

  it('answers every heartbeat, and ends after more than 30 s without a sign', async () => {
    const agent = await newAgent();
    await agent.connect();
    // Time does not leap over the next poll, as it would not outside of a test.
    const silence = transport === 'polling' ? 9_000 : 29_000;
    for (let i = 0; i < 4; i++) {
      coordinator.clock.advance(silence);
      agent.beat();
      await agent.next('beat');
    }
    coordinator.clock.advance(32_000);
    await agent.closed();
    await eventually(() => !replica().connected);
  });

  it('ends a peer that takes nothing off its hands', async () => {
    const agent = await newAgent();
    await agent.connect();
    agent.hang();
    const { link } = coordinator.gateway;
    const big = 'x'.repeat(3_000_000);
    await eventually(() => {
      link.send(agent.identity.replica, { type: 'error', detail: big });
      coordinator.clock.advance(1000);
      return !replica().connected;
    });
  });

  it('answers what it does not know or cannot read, and ends the session when it goes on like that', async () => {
    const agent = await newAgent();
    await agent.connect();
    agent.sendRaw('{"type":"dance"}');
    expect(await agent.next('error')).toMatchObject({ detail: expect.stringContaining('dance') });
    agent.sendRaw('{"type":"heartbeat","running":-1}');
    expect(await agent.next('error')).toMatchObject({ detail: expect.stringContaining('heartbeat') });
    agent.sendRaw('not json');
    expect(await agent.next('error')).toMatchObject({ detail: expect.stringContaining('JSON') });
    agent.beat();
    await agent.next('beat');
    for (let i = 0; i < 10; i++) agent.sendRaw(new Uint8Array([9, 9, 9]));
    expect(await agent.closed()).toBe(4003);
  });

  it('refuses messages before the handshake and a second handshake', async () => {
    const agent = await newAgent();
    await agent.open();
    agent.beat();
    expect(await agent.next('error')).toMatchObject({ detail: 'The handshake comes first.' });
    agent.kill();
    await agent.connect();
    agent.sendRaw(JSON.stringify({ type: 'hello' }));
    await agent.next('error');
  });

  it('takes no message and no frame that is too large', async () => {
    const agent = await newAgent();
    await agent.connect();
    agent.sendRaw(new Uint8Array((2 << 20) + 1).fill(1));
    expect(await agent.next('error')).toMatchObject({ detail: expect.stringContaining('at most') });
    agent.sendRaw(`"${'x'.repeat(4 << 20)}"`);
    expect(await agent.closed()).toBe(1009);
  });

  it('survives whatever bytes come, before and after the handshake', async () => {
    const anything = fc.oneof(
      fc.json(),
      fc.string(),
      fc.uint8Array({ maxLength: 200 }),
      fc.record({
        type: fc.constantFrom('hello', 'heartbeat', 'accepted', 'refused', 'pong', 'error', 'goodbye', 'x'),
        operation: fc.oneof(fc.uuid(), fc.string(), fc.integer()),
        attempt: fc.oneof(fc.integer(), fc.double()),
        operations: fc.anything(),
        code: fc.string(),
      }),
    );
    const agent = await newAgent();
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { maxLength: 12 }), fc.boolean(), async (messages, shakeHands) => {
        if (shakeHands) await agent.connect();
        else await agent.open();
        for (const message of messages) {
          const raw = typeof message === 'string' || message instanceof Uint8Array ? message : JSON.stringify(message);
          agent.sendRaw(raw);
        }
        agent.kill();
      }),
      { numRuns: 40 },
    );
    await agent.connect();
    agent.beat();
    await agent.next('beat');
  });

  it('is told when the coordinator stops', async () => {
    const agent = await newAgent();
    await agent.connect();
    await coordinator.restart();
    expect(await agent.closed()).toBe(4005);
  });
});
