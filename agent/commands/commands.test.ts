import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { privateCertificate } from '../testing/certificate.ts';
import { connectProxy } from '../testing/connect-proxy.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

async function ends(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
  const program = runAgentProgram(args, { cwd, env });
  const code = await program.exited;
  return { code, stdout: program.stdout(), stderr: program.stderr() };
}

test.each([
  [['--help'], AGENT_EXIT.ok],
  [['version'], AGENT_EXIT.ok],
  [['no-such-command'], AGENT_EXIT.usage],
  [['run', '--no-such-option'], AGENT_EXIT.usage],
  [['run', 'an-argument'], AGENT_EXIT.usage],
  [['run', '--log-format', 'xml'], AGENT_EXIT.usage],
] as const)('the command line %j ends with %i', async (args, code) => {
  expect((await ends(args, await temporaryFolder())).code).toBe(code);
});

test('the version is told to machines, too', async () => {
  const { stdout } = await ends(['version', '--json'], await temporaryFolder());
  expect(JSON.parse(stdout)).toMatchObject({
    version: '0.1.0',
    protocol: PROTOCOL_VERSION,
    platform: `${process.platform}-${process.arch}`,
  });
});

test.each([
  ['nothing', null, 'There is no configuration at'],
  ['no JSON', '{"enrolment": {"token": "ore_SECRET', 'is not valid JSON'],
  ['a list', '[]', 'must hold one JSON object'],
  ['another version', '{"version": 2}', 'version:'],
  [
    'a wrong key',
    '{"version":1,"coordinator":{"url":"https://x","publicKey":"short"}}',
    'coordinator.publicKey: This must be a 32-byte key',
  ],
])('a configuration that holds %s is refused with the field named', async (_what, text, message) => {
  const folder = await temporaryFolder();
  if (text !== null) await writeFile(join(folder, 'runner.json'), text);
  const { code, stderr } = await ends(['run'], folder);
  expect(code).toBe(AGENT_EXIT.configuration);
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n').length).toBe(1);
  expect(stderr).not.toContain('SECRET');
});

test('http:// to another host is refused with the reason', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator, {
    coordinator: { url: 'http://192.0.2.1:4440', publicKey: coordinator.publicKey },
  });
  const { code, stderr } = await ends(['run'], folder);
  expect(code).toBe(AGENT_EXIT.configuration);
  expect(stderr).toContain('http:// is for loopback alone');
});

test('a variable that overrides the file is named when it is wrong', async () => {
  const folder = await packageFolder(await testCoordinator());
  const { code, stderr } = await ends(['run'], folder, { OUTRUNNER_TOKEN: 'nonsense' });
  expect(code).toBe(AGENT_EXIT.configuration);
  expect(stderr).toContain('enrolment.token (from OUTRUNNER_TOKEN): This is not an enrolment token.');
  const limit = await ends(['run'], folder, { OUTRUNNER_MAX_OPERATIONS: '0' });
  expect([limit.code, limit.stderr]).toEqual([
    AGENT_EXIT.configuration,
    expect.stringContaining('OUTRUNNER_MAX_OPERATIONS'),
  ]);
});

test('enrol and run in two steps; enrolling again changes nothing', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  const first = await ends(['enrol'], folder);
  expect([first.code, first.stderr]).toEqual([AGENT_EXIT.ok, expect.stringContaining('Enrolled as "Test Runner".')]);
  const identity = await readFile(join(folder, 'state', 'identity.json'), 'utf8');
  expect((await ends(['enrol'], folder)).code).toBe(AGENT_EXIT.ok);
  expect(await readFile(join(folder, 'state', 'identity.json'), 'utf8')).toBe(identity);
  runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
  expect(coordinator.enrolments).toBe(1);
});

test.each([
  'enrolment-token-unknown',
  'enrolment-token-used',
  'enrolment-token-expired',
  'enrolment-token-revoked',
  'enrolment-wrong-runner',
] as const)('a refusal with %s is one line and its exit code', async (code) => {
  const coordinator = await testCoordinator();
  coordinator.behaviour.refuseEnrolment = code;
  for (const command of ['enrol', 'run']) {
    const ended = await ends([command], await packageFolder(coordinator));
    expect(ended.code).toBe(AGENT_EXIT.enrolmentRefused);
    expect(ended.stderr.trim().split('\n').length).toBe(1);
    expect(ended.stderr).toContain(`(${code})`);
  }
});

test('a package that was used on one host is refused on another', async () => {
  const coordinator = await testCoordinator();
  const first = await packageFolder(coordinator);
  const second = await packageFolder(coordinator);
  expect((await ends(['enrol'], first)).code).toBe(AGENT_EXIT.ok);
  const { code, stderr } = await ends(['run'], second);
  expect([code, stderr]).toEqual([AGENT_EXIT.enrolmentRefused, expect.stringContaining('enrolment-token-used')]);
});

test('without identity and without token the agent says what to do', async () => {
  const folder = await packageFolder(await testCoordinator(), { enrolment: undefined });
  const { code, stderr } = await ends(['run'], folder);
  expect([code, stderr]).toEqual([AGENT_EXIT.configuration, expect.stringContaining('Download the Runner again')]);
});

test('a fresh package that is unpacked over an old one enrols anew', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  expect((await ends(['enrol'], folder)).code).toBe(AGENT_EXIT.ok);
  const next = await testCoordinator();
  await writeFile(join(folder, 'runner.json'), JSON.stringify(next.config()));
  runAgentProgram(['run'], { cwd: folder });
  await next.connected();
  expect(next.enrolments).toBe(1);
});

test('a token that cannot be taken out of the file is not tried again', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  const text = await readFile(join(folder, 'runner.json'), 'utf8');
  expect((await ends(['enrol'], folder)).code).toBe(AGENT_EXIT.ok);
  await writeFile(join(folder, 'runner.json'), text);
  runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
  expect(coordinator.enrolments).toBe(1);
});

test('run waits for a coordinator that is not there yet; enrol does not', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  await coordinator.stop();
  const once = await ends(['enrol'], folder);
  expect([once.code, once.stderr]).toEqual([AGENT_EXIT.failure, expect.stringContaining('refuses the connection')]);
  const agent = runAgentProgram(['run'], { cwd: folder });
  await expect.poll(agent.stderr, { timeout: 5000 }).toContain('Not enrolled yet');
  await coordinator.start();
  await coordinator.connected();
});

test('an enrolment whose answer was lost is repeated with the same keys, also by another process', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  coordinator.behaviour.loseEnrolmentAnswers = 1;
  expect((await ends(['enrol'], folder)).code).toBe(AGENT_EXIT.failure);
  coordinator.behaviour.loseEnrolmentAnswers = 2;
  runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
  expect(coordinator.enrolments).toBe(1);
});

test('a log that nobody reads any more does not end the agent', async () => {
  const coordinator = await testCoordinator();
  const agent = runAgentProgram(['run'], { cwd: await packageFolder(coordinator) });
  const { socket } = await coordinator.connected();
  agent.child.stderr?.destroy();
  agent.child.stdout?.destroy();
  for (let i = 0; i < 3; i++) {
    const next = coordinator.nextSession();
    coordinator.session?.socket.terminate();
    await next;
  }
  socket.terminate();
  expect(
    outputOf(
      await coordinator.finished(await coordinator.offer([{ type: 'command', command: 'echo alive' }])),
    ).toString(),
  ).toBe('alive\n');
});

test('a second agent on the same folder is refused; after a crash the folder is free', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  const first = runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
  const second = await ends(['run'], folder);
  expect(second.code).toBe(AGENT_EXIT.failure);
  expect(second.stderr).toContain(`Another agent (process ${first.child.pid}) already runs`);
  first.child.kill('SIGKILL');
  await first.exited;
  await coordinator.disconnected();
  runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
});

test('SIGTERM waits for what runs, a second one stops it, a third ends the agent at once', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  const agent = runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
  const operation = await coordinator.offer(
    [{ type: 'command', command: 'trap "" TERM; echo ready; while :; do sleep 0.1; done' }],
    { graceSeconds: 600 },
  );
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  agent.child.kill('SIGTERM');
  await expect.poll(agent.stderr).toContain('Waiting up to 30 s for what still runs.');
  agent.child.kill('SIGTERM');
  await expect.poll(agent.stderr).toContain('the next signal this ends without waiting');
  agent.child.kill('SIGTERM');
  expect(await agent.exited).toBe(143);
  const next = runAgentProgram(['run'], { cwd: folder });
  await coordinator.finished(operation);
  next.child.kill('SIGINT');
  expect(await next.exited).toBe(AGENT_EXIT.ok);
  expect((await coordinator.said('goodbye')).reason).toContain('SIGINT');
});

test('status tells what the running agent does, and that none runs', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  expect(await ends(['status'], folder)).toMatchObject({
    code: AGENT_EXIT.failure,
    stdout: expect.stringContaining('No agent runs'),
  });
  const agent = runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
  await coordinator.offer([{ type: 'command', command: 'sleep 300' }], { graceSeconds: 0 });
  await expect
    .poll(async () => JSON.parse((await ends(['status', '--json'], folder)).stdout), { timeout: 8000 })
    .toMatchObject({
      running: true,
      pid: agent.child.pid,
      status: { connected: true, load: { running: 1 }, operations: [{ project: 'test' }] },
    });
  const { code, stdout } = await ends(['status'], folder);
  expect([code, stdout]).toEqual([AGENT_EXIT.ok, expect.stringContaining('1 running, 0 waiting, at most 50 at once')]);
  agent.child.kill('SIGKILL');
  await agent.exited;
  expect((await ends(['status'], folder)).code).toBe(AGENT_EXIT.failure);
});

test('the agent listens on nothing, neither idle nor with work', async () => {
  const coordinator = await testCoordinator();
  const agent = runAgentProgram(['run'], { cwd: await packageFolder(coordinator) });
  await coordinator.connected();
  const operation = await coordinator.offer([{ type: 'command', command: 'echo ready; sleep 300' }], {
    graceSeconds: 0,
  });
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  const own = `/proc/${agent.child.pid}`;
  const targets = await Promise.all(
    (await readdir(`${own}/fd`)).map((fd) => readlink(`${own}/fd/${fd}`).catch(() => '')),
  );
  const sockets = new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
  expect(sockets.size).toBeGreaterThan(0);
  for (const [table, listening] of [
    ['tcp', '0A'],
    ['tcp6', '0A'],
    ['udp', '07'],
    ['udp6', '07'],
  ] as const) {
    const rows = (await readFile(`${own}/net/${table}`, 'utf8'))
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/));
    expect(rows.filter((row) => row[3] === listening && sockets.has(row[9] ?? ''))).toEqual([]);
  }
});

test('logs can be JSON, one object per line', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  const { stderr } = await ends(['enrol', '--log-format', 'json'], folder);
  expect(JSON.parse(stderr)).toMatchObject({
    level: 'info',
    message: 'Enrolled as "Test Runner".',
    replica: coordinator.replica.id,
  });
});

test('a state folder that cannot be written ends it with one clear line', async (context) => {
  context.skip(process.getuid?.() === 0, 'root may write everywhere');
  const folder = await packageFolder(await testCoordinator());
  await mkdir(join(folder, 'state'));
  await chmod(join(folder, 'state'), 0o500);
  const { code, stderr } = await ends(['run'], folder);
  expect([code, stderr]).toEqual([AGENT_EXIT.configuration, expect.stringContaining('cannot be used (EACCES)')]);
});

test('a state folder that is a file ends it with one clear line', async () => {
  const folder = await packageFolder(await testCoordinator());
  await writeFile(join(folder, 'state'), '');
  const { code, stderr } = await ends(['run'], folder);
  expect([code, stderr]).toEqual([AGENT_EXIT.configuration, expect.stringContaining('cannot be used (EEXIST)')]);
});

test('the agent leaves no token and no other file behind than its own', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  const agent = runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
  agent.child.kill('SIGTERM');
  await agent.exited;
  expect((await readdir(join(folder, 'state'))).sort()).toEqual([
    'enrolment.json',
    'identity.json',
    'operations',
    'reserve',
    'status.json',
  ]);
  for (const name of ['runner.json', 'state/enrolment.json', 'state/identity.json', 'state/status.json']) {
    expect(await readFile(join(folder, name), 'utf8')).not.toContain(coordinator.token);
  }
});

test('doctor finds everything right when it is', async () => {
  const { ca, cert, key } = await privateCertificate('localhost');
  const coordinator = await testCoordinator({ cert, key });
  const proxy = await connectProxy('someone:secret');
  const folder = await packageFolder(coordinator, { ca, proxy: proxy.url });
  const { code, stdout } = await ends(['doctor'], folder);
  expect(stdout).not.toContain('✗');
  expect(code).toBe(AGENT_EXIT.ok);
  for (const check of [
    'configuration',
    'state folder',
    'identity',
    'name',
    'tcp',
    'proxy',
    'tls',
    'coordinator',
    'websocket',
    'clock',
  ]) {
    expect(stdout).toMatch(new RegExp(`^✓ ${check} `, 'm'));
  }
  expect(stdout).toContain('by "Private authority, Test"');
  expect(stdout).not.toContain('secret');
});

test('doctor says what is wrong, what to do, and what it could not look at', async () => {
  const { cert, key } = await privateCertificate('localhost');
  const coordinator = await testCoordinator({ cert, key });
  const folder = await packageFolder(coordinator);
  const untrusted = await ends(['doctor'], folder);
  expect(untrusted.code).toBe(AGENT_EXIT.doctorFailed);
  expect(untrusted.stdout).toMatch(
    /^✗ tls .*an authority that this host does not know.*Private authority.*"ca" in runner.json/m,
  );
  expect(untrusted.stdout).toMatch(/^– websocket .*tls has to be right first/m);
  await coordinator.stop();
  const gone = await ends(['doctor', '--json'], folder);
  expect(gone.code).toBe(AGENT_EXIT.doctorFailed);
  expect(JSON.parse(gone.stdout)).toMatchObject({
    ok: false,
    findings: expect.arrayContaining([expect.objectContaining({ check: 'tcp', ok: false })]),
  });
});

test.each([
  ['a name that nobody knows', 'https://coordinator.invalid', /^✗ name .*cannot be resolved/m],
  ['a proxy that refuses', null, /^✗ proxy .*wants a name and a password/m],
])('doctor finds %s', async (_what, url, line) => {
  const coordinator = await testCoordinator();
  const proxy = await connectProxy('someone:secret');
  const change =
    url === null
      ? { proxy: `http://127.0.0.1:${proxy.port}` }
      : { coordinator: { url, publicKey: coordinator.publicKey } };
  const { code, stdout } = await ends(['doctor'], await packageFolder(coordinator, change));
  expect([code, stdout]).toEqual([AGENT_EXIT.doctorFailed, expect.stringMatching(line)]);
});

test('doctor finds a clock that is off and something that is no coordinator', async () => {
  const coordinator = await testCoordinator();
  coordinator.behaviour.clockOffsetMs = -3_600_000;
  const folder = await packageFolder(coordinator);
  expect((await ends(['doctor'], folder)).stdout).toMatch(/^✗ clock .*60 min ahead of the coordinator's/m);
  const stranger = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
  });
  stranger.listen(0, 'localhost');
  await once(stranger, 'listening');
  const address = stranger.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const other = await packageFolder(coordinator, {
    coordinator: { url: `http://localhost:${port}`, publicKey: coordinator.publicKey },
  });
  expect((await ends(['doctor'], other)).stdout).toMatch(/^✗ coordinator .*HTTP 404/m);
  stranger.close();
});
