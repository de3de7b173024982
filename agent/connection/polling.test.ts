import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { runAgentProgram } from '../testing/agent-process.ts';
import { privateCertificate } from '../testing/certificate.ts';
import { connectProxy } from '../testing/connect-proxy.ts';
import { type CallFate, frontProxy } from '../testing/front-proxy.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf, type TestCoordinator } from '../testing/test-coordinator.ts';

const echo = [{ type: 'command' as const, command: 'echo through' }];
const behind = (url: string, coordinator: TestCoordinator) => ({
  coordinator: { url, publicKey: coordinator.publicKey },
});
/** Random numbers that are the same in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test.each([
  ['refused', 'HTTP 403'],
  ['stripped', 'HTTP 404'],
  ['closed', 'was closed (1006)'],
  ['cut', 'was cut'],
] as const)(
  'a network in which WebSockets are %s is gone through by long polling, and that is said once',
  async (fate, why) => {
    const coordinator = await testCoordinator();
    const front = await frontProxy(coordinator.port, fate);
    const agent = await testAgent(coordinator, { config: behind(front.url, coordinator) });
    const { hello } = await coordinator.connected();
    expect(hello).toMatchObject({ transport: 'polling', transportReason: expect.stringContaining(why) });
    expect(outputOf(await coordinator.finished(await coordinator.offer(echo))).toString()).toBe('through\n');
    // Another session does not say it again, and does not try WebSocket first.
    const upgrades = front.seen.filter((each) => each === 'upgrade').length;
    const next = coordinator.nextSession();
    await coordinator.stop();
    await coordinator.start();
    expect((await next).hello.transport).toBe('polling');
    expect(agent.lines.join('').match(/does not get through/g)).toHaveLength(1);
    expect(front.seen.filter((each) => each === 'upgrade').length).toBe(upgrades);
  },
);

test('a WebSocket that opens and stays silent is given up for long polling', async () => {
  const coordinator = await testCoordinator();
  const front = await frontProxy(coordinator.port, 'silent');
  const clock = manualClock(Date.now());
  await testAgent(coordinator, { config: behind(front.url, coordinator), clock });
  await expect.poll(() => front.seen).toContain('upgrade');
  await expect
    .poll(() => {
      clock.advance(1_000);
      return coordinator.session?.hello.transport;
    })
    .toBe('polling');
});

test('WebSocket is tried again beside a polling session, and used when it gets through', async () => {
  const coordinator = await testCoordinator();
  const front = await frontProxy(coordinator.port, 'refused');
  const clock = manualClock(Date.now());
  const agent = await testAgent(coordinator, { config: behind(front.url, coordinator), clock });
  const { hello } = await coordinator.connected();
  expect(hello.transport).toBe('polling');
  const upgrades = () => front.seen.filter((each) => each === 'upgrade').length;
  /** Time passes as it does where the coordinator answers each beat. */
  const pass = async (until: () => boolean) => {
    await expect
      .poll(
        () => {
          clock.advance(200);
          return until();
        },
        { interval: 1, timeout: 25_000 },
      )
      .toBe(true);
  };
  expect(upgrades()).toBe(1);
  await pass(() => upgrades() === 2);
  // That one was refused, and the session that polls did not suffer.
  expect(coordinator.sessions).toBe(1);
  const triedAt = clock.monotonic();
  front.upgrades = 'passes';
  await pass(() => coordinator.sessions === 2);
  expect(clock.monotonic() - triedAt).toBeGreaterThan(500_000);
  expect(coordinator.session?.hello).toMatchObject({ transport: 'websocket', instance: hello.instance });
  await expect.poll(() => agent.lines.join('')).toContain('WebSocket gets through again');
  expect(outputOf(await coordinator.finished(await coordinator.offer(echo))).toString()).toBe('through\n');
}, 60_000);

test('a coordinator that is simply down is not polled', async () => {
  const coordinator = await testCoordinator();
  const agent = await testAgent(coordinator);
  await coordinator.connected();
  await coordinator.stop();
  await expect.poll(() => agent.lines.join('')).toMatch(/Still not connected: .*refuses the connection/);
  await coordinator.start();
  const { hello } = await coordinator.connected();
  expect(hello.transport).toBe('websocket');
});

test('what its owner has set is used, and nothing else', async () => {
  const coordinator = await testCoordinator();
  const front = await frontProxy(coordinator.port, 'refused');
  const forced = await testAgent(coordinator, {
    config: { ...behind(front.url, coordinator), transport: 'websocket' },
  });
  await expect.poll(() => forced.lines.join('')).toContain('HTTP 403');
  await expect.poll(() => front.seen.length).toBeGreaterThan(2);
  expect(front.seen.filter((each) => each.includes('poll'))).toEqual([]);
  forced.stop('next');
  await forced.ended;
  front.upgrades = 'passes';
  await testAgent(coordinator, {
    folder: forced.folder,
    config: behind(front.url, coordinator),
    env: { OUTRUNNER_TRANSPORT: 'polling' },
  });
  const { hello } = await coordinator.connected();
  expect(hello).toMatchObject({ transport: 'polling', transportReason: 'It is set to long polling on its host.' });
});

test('a setting that is none is refused with its name', async () => {
  const coordinator = await testCoordinator();
  await expect(testAgent(coordinator, { env: { OUTRUNNER_TRANSPORT: 'pigeon' } })).rejects.toThrow(
    'transport (from OUTRUNNER_TRANSPORT): This must be auto, websocket or polling.',
  );
});

test('a network that loses a third of all calls and answers loses no work, doubles none, and mixes nothing up', async () => {
  const coordinator = await testCoordinator();
  coordinator.behaviour.silenceMs = 20_000;
  const front = await frontProxy(coordinator.port, 'refused');
  const agent = await testAgent(coordinator, { config: behind(front.url, coordinator) });
  await coordinator.connected();
  const random = seeded(7);
  const bad: readonly CallFate[] = ['call lost', 'answer lost', 'answer cut', 'refused'];
  const counts: Record<string, number> = {};
  front.fateOf = () => {
    const fate = random() < 0.35 ? (bad[Math.floor(random() * bad.length)] ?? 'passes') : 'passes';
    counts[fate] = (counts[fate] ?? 0) + 1;
    return fate;
  };
  const file = join(await temporaryFolder(), 'ran');
  const lines = Array.from({ length: 20 }, (_, i) => i);
  const small = await Promise.all(
    lines.map((i) => coordinator.offer([{ type: 'command', command: `echo ${i} >> ${file}; echo out ${i}` }])),
  );
  const big = await coordinator.offer([{ type: 'command', command: 'seq 1 400000' }]);
  for (const [i, operation] of small.entries()) {
    expect(outputOf(await coordinator.finished(operation)).toString()).toBe(`out ${i}\n`);
  }
  const output = outputOf(await coordinator.finished(big)).toString();
  expect(output).toBe(Array.from({ length: 400_000 }, (_, i) => `${i + 1}\n`).join(''));
  const ran = (await readFile(file, 'utf8')).trim().split('\n').map(Number);
  expect(ran.sort((a, b) => a - b)).toEqual(lines);
  expect(coordinator.sessions).toBe(1);
  for (const fate of bad) expect(counts[fate]).toBeGreaterThan(0);
  front.fateOf = () => 'passes';
  expect(agent.lines.join('')).not.toContain('gone');
});

test('connections are used again, and calls go on when they are not', async () => {
  const coordinator = await testCoordinator();
  const front = await frontProxy(coordinator.port);
  await testAgent(coordinator, { config: { ...behind(front.url, coordinator), transport: 'polling' } });
  await coordinator.connected();
  await coordinator.finished(await coordinator.offer([{ type: 'command', command: 'seq 1 200000' }]));
  const polls = () => front.seen.filter((each) => each.includes('/poll')).length;
  expect(polls()).toBeGreaterThan(10);
  expect(front.connections).toBeLessThan(6);
  // Every connection is cut, again and again, whatever is under way on it.
  const cutting = setInterval(() => front.cut(), 20);
  const done = await coordinator.finished(await coordinator.offer([{ type: 'command', command: 'seq 1 200000' }]));
  clearInterval(cutting);
  expect(outputOf(done).length).toBe(1_288_895);
  expect(coordinator.sessions).toBe(1);
});

test('long polling goes through an HTTP proxy with a password, encrypted, with a private authority', async () => {
  const { ca, cert, key } = await privateCertificate('localhost');
  const coordinator = await testCoordinator({ cert, key });
  const proxy = await connectProxy('someone:p%40ss');
  const agent = await testAgent(coordinator, {
    config: { ca, transport: 'polling', proxy: `http://someone:p%2540ss@127.0.0.1:${proxy.port}` },
  });
  await coordinator.connected();
  expect(outputOf(await coordinator.finished(await coordinator.offer(echo))).toString()).toBe('through\n');
  expect(coordinator.upgrades).toBe(0);
  // Enrolment, and the two connections that are kept.
  expect(proxy.asked.length).toBeLessThan(6);
  const operation = coordinator.offer([{ type: 'command', command: 'sleep 0.3; echo after' }]);
  proxy.cut();
  expect(outputOf(await coordinator.finished(await operation)).toString()).toBe('after\n');
  expect(agent.lines.join('')).not.toContain('p%');
});

test('doctor says that WebSocket does not get through, and that long polling does', async () => {
  const coordinator = await testCoordinator();
  const front = await frontProxy(coordinator.port, 'refused');
  const agent = await testAgent(coordinator, { config: behind(front.url, coordinator) });
  await coordinator.connected();
  const doctor = async (env: NodeJS.ProcessEnv = {}) => {
    const program = runAgentProgram(['doctor'], { cwd: agent.folder, env });
    return { code: await program.exited, text: program.stdout() };
  };
  const { code, text } = await doctor();
  expect(text).toMatch(/– websocket +does not get through: .*HTTP 403.* Long polling is used instead\./);
  expect(text).toMatch(/✓ polling +the coordinator speaks protocol/);
  expect(code).toBe(0);
  const forced = await doctor({ OUTRUNNER_TRANSPORT: 'websocket' });
  expect(forced.text).toMatch(/✗ websocket .*HTTP 403.*set "transport" to auto/);
  expect(forced.code).toBe(20);
  front.upgrades = 'passes';
  expect((await doctor()).text).toMatch(/✓ websocket .*\n– polling +not needed/);
});
