import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { AGENT_EXIT, IdentitySchema, RunnerConfigSchema } from '../../protocol/enrolment.ts';
import { CLOSE } from '../../protocol/wire.ts';
import { readStatusFile } from '../host/status-file.ts';
import { slowLink } from '../testing/slow-link.ts';
import { type TestAgentOptions, testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf, type TestCoordinator } from '../testing/test-coordinator.ts';

describe.each(['websocket', 'polling'])('over %s', (transport) => {
  const connect = (coordinator: TestCoordinator, options: TestAgentOptions = {}) =>
    testAgent(coordinator, { ...options, env: { OUTRUNNER_TRANSPORT: transport, ...options.env } });

  test('a fresh package enrols, connects and leaves no token behind', async () => {
    const coordinator = await testCoordinator();
    const agent = await connect(coordinator);
    const { hello } = await coordinator.connected();
    expect(hello.replica).toBe(coordinator.replica.id);
    expect(hello.operations).toEqual([]);
    const config = RunnerConfigSchema.parse(JSON.parse(await readFile(join(agent.folder, 'runner.json'), 'utf8')));
    expect(config.enrolment).toBeUndefined();
    const identityPath = join(agent.state, 'identity.json');
    const identity = IdentitySchema.parse(JSON.parse(await readFile(identityPath, 'utf8')));
    expect(identity.signingKey).toContain('PRIVATE KEY');
    expect((await stat(identityPath)).mode & 0o777).toBe(0o600);
    expect((await stat(join(agent.folder, 'runner.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(agent.state)).mode & 0o777).toBe(0o700);
  });

  test('it says good-bye when it is stopped, and closes', async () => {
    const coordinator = await testCoordinator();
    const agent = await connect(coordinator);
    await coordinator.connected();
    agent.stop('maintenance');
    await agent.ended;
    expect((await coordinator.said('goodbye')).reason).toBe('maintenance');
  });

  test('the first heartbeat follows the welcome at once, with the checks', async () => {
    const coordinator = await testCoordinator();
    coordinator.behaviour.heartbeatMs = 60_000;
    await connect(coordinator);
    const heartbeat = await coordinator.said('heartbeat');
    expect(heartbeat.checks.map(({ check, ok }) => [check, ok])).toEqual([
      ['disk', true],
      ['clock', true],
      ['keys', true],
    ]);
    expect(heartbeat).toMatchObject({ running: 0, queued: 0, maximum: 50, operations: [] });
  });

  test.each(['wrongKey', 'badSignature'] as const)(
    'who answers without a key of the coordinator (%s) is not believed, and does not end an agent that has enrolled',
    async (fault) => {
      const coordinator = await testCoordinator();
      const first = await connect(coordinator);
      await coordinator.connected();
      first.stop('next');
      await first.ended;
      coordinator.heard.length = 0;
      coordinator.behaviour[fault] = true;
      const agent = await connect(coordinator, { folder: first.folder, config: { enrolment: undefined } });
      await expect.poll(() => agent.lines.join('')).toContain('(coordinator-not-trusted)');
      await expect
        .poll(async () => (await readStatusFile(agent.state))?.lastError)
        .toContain('does not hold a key of the coordinator');
      // It says nothing more to who is not believed.
      expect(coordinator.heard.every(({ type }) => type === 'hello')).toBe(true);
      coordinator.behaviour[fault] = false;
      await coordinator.said('heartbeat');
      expect(agent.lines.join('')).not.toContain('ERROR');
    },
  );

  test('an enrolment answered with another key is not trusted, and leaves no identity', async () => {
    const coordinator = await testCoordinator();
    coordinator.behaviour.wrongKey = true;
    const agent = await connect(coordinator);
    await expect(agent.ended).rejects.toMatchObject({ exitCode: AGENT_EXIT.coordinatorNotTrusted });
    await expect(stat(join(agent.state, 'identity.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test.each([
    ['replica-revoked', AGENT_EXIT.identityRefused],
    ['replica-unknown', AGENT_EXIT.identityRefused],
    ['signature-refused', AGENT_EXIT.identityRefused],
  ] as const)('being turned away with %s ends the agent with its own exit code', async (code, exitCode) => {
    const coordinator = await testCoordinator();
    coordinator.behaviour.reject = code;
    const agent = await connect(coordinator);
    await expect(agent.ended).rejects.toMatchObject({ exitCode });
  });

  test('credentials that are revoked while it is connected end the agent', async () => {
    const coordinator = await testCoordinator();
    const agent = await connect(coordinator);
    const { socket } = await coordinator.connected();
    // What the close says can be said by anybody; it comes again at once, and is told so with a signature.
    coordinator.behaviour.reject = 'replica-revoked';
    socket.close(CLOSE.revoked, 'revoked');
    await expect(agent.ended).rejects.toMatchObject({ exitCode: AGENT_EXIT.identityRefused });
    expect(agent.lines.filter((line) => line.includes('replica-revoked')).length).toBe(1);
  });

  test.each([
    ['that is stopping for now', 'shutting-down'],
    ['that does not speak its protocol any more', 'protocol-unsupported'],
    ['that does not speak its protocol yet', 'protocol-too-new'],
  ] as const)('a coordinator %s is waited for', async (_what, code) => {
    const coordinator = await testCoordinator();
    coordinator.behaviour.reject = code;
    await connect(coordinator);
    await new Promise((resolve) => coordinator.events.once('closed', resolve));
    coordinator.behaviour.reject = null;
    await coordinator.connected();
    expect(coordinator.sessions).toBe(1);
  });

  test('another process with the same identity is said, and left alone for a while', async () => {
    const coordinator = await testCoordinator();
    const agent = await connect(coordinator);
    const { socket } = await coordinator.connected();
    socket.close(CLOSE.superseded, 'Another process connected with the same identity.');
    await expect.poll(() => agent.lines.join('')).toContain('session-superseded');
    expect(/retryInMs=(\d+)/.exec(agent.lines.join(''))?.[1]).toBe('33000');
  });

  test('a coordinator that falls silent is left, and found again', async () => {
    const coordinator = await testCoordinator();
    Object.assign(coordinator.behaviour, { beats: false, heartbeatMs: 100, silenceMs: 1000 });
    await connect(coordinator);
    await coordinator.connected();
    // Nothing is closed: the agent must notice by itself.
    await coordinator.nextSession();
    expect(coordinator.sessions).toBe(2);
  });

  test('a link that is much slower than the output carries all of it, and heartbeats get through', async () => {
    const coordinator = await testCoordinator();
    Object.assign(coordinator.behaviour, { heartbeatMs: 500, silenceMs: 7_000 });
    const port = await slowLink(coordinator.port, 100_000, 100);
    await connect(coordinator, {
      config: { coordinator: { url: `http://localhost:${port}`, publicKey: coordinator.publicKey } },
    });
    await coordinator.connected();
    const operation = await coordinator.offer([{ type: 'command', command: 'seq 1 150000' }]);
    const output = outputOf(await coordinator.finished(operation));
    expect(output.length).toBe(938_895);
    expect(coordinator.sessions).toBe(1);
  }, 40_000);

  test('after the host slept, a dead connection is noticed within seconds and not after the whole silence', async () => {
    const coordinator = await testCoordinator();
    Object.assign(coordinator.behaviour, { beats: false, heartbeatMs: 1_000, silenceMs: 600_000 });
    const clock = manualClock(Date.now());
    const agent = await connect(coordinator, { clock });
    await coordinator.connected();
    await coordinator.said('heartbeat');
    clock.advance(3_000);
    expect(coordinator.sessions).toBe(1);
    // What a laptop sees that was closed for an hour: the wall clock leaps, the monotonic one does not.
    clock.jump(3_600_000);
    clock.advance(1_000);
    clock.advance(6_000);
    await expect.poll(() => agent.lines.join('')).toContain('The connection is gone');
    const next = coordinator.nextSession();
    await expect
      .poll(() => {
        clock.advance(100);
        return coordinator.sessions;
      })
      .toBe(2);
    await next;
  });

  test('a coordinator that talks but takes nothing is left, and the rest of the output arrives afterwards', async () => {
    const coordinator = await testCoordinator();
    Object.assign(coordinator.behaviour, { heartbeatMs: 100, silenceMs: 1000 });
    await connect(coordinator);
    const { socket, send } = await coordinator.connected();
    const operation = await coordinator.offer([{ type: 'command', command: 'seq 1 2000000' }]);
    await coordinator.recorded(operation, ({ kind }) => kind === 'output');
    socket.pause();
    const talking = setInterval(() => send({ type: 'maximum', maximum: 10 }), 100);
    await coordinator.nextSession();
    clearInterval(talking);
    const records = await coordinator.finished(operation);
    const sum = records.reduce((length, { kind, payload }) => length + (kind === 'output' ? payload.length : 0), 0);
    expect(sum).toBe(14_888_896);
  });

  test('a coordinator that is restarted is found again within a second', async () => {
    const coordinator = await testCoordinator();
    await connect(coordinator);
    await coordinator.connected();
    await coordinator.stop();
    await coordinator.start();
    await coordinator.connected();
    expect(coordinator.sessions).toBe(2);
  });

  test('a message that is not understood is answered with an error, not with silence', async () => {
    const coordinator = await testCoordinator();
    await connect(coordinator);
    const { socket } = await coordinator.connected();
    socket.send(JSON.stringify({ type: 'from-the-future' }));
    expect((await coordinator.said('error')).detail).toContain('not understood');
    socket.send(JSON.stringify({ type: 'ping', id: 'still-there' }));
    expect((await coordinator.said('pong')).id).toBe('still-there');
  });

  test('a clock that is a day off is measured and said, and work goes on', async () => {
    const coordinator = await testCoordinator();
    coordinator.behaviour.clockOffsetMs = 86_400_000;
    await connect(coordinator);
    await coordinator.connected();
    const heartbeat = await coordinator.said('heartbeat', ({ checks }) => checks.some(({ detail }) => detail !== ''));
    expect(heartbeat.checks.find(({ check }) => check === 'clock')).toEqual({
      check: 'clock',
      ok: true,
      detail: "The clock of this host is 24 h behind the coordinator's.",
    });
    const operation = await coordinator.offer([{ type: 'command', command: 'echo on time' }]);
    expect(outputOf(await coordinator.finished(operation)).toString()).toBe('on time\n');
  });
});
