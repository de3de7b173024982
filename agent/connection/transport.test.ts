import { expect, test } from 'vitest';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { privateCertificate } from '../testing/certificate.ts';
import { connectProxy } from '../testing/connect-proxy.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';
import { createTransport } from './transport.ts';

const echo = [{ type: 'command' as const, command: 'echo through' }];

test('enrolment and connection both go through the proxy of the configuration', async () => {
  const coordinator = await testCoordinator();
  const proxy = await connectProxy();
  await testAgent(coordinator, { config: { proxy: proxy.url } });
  const { hello } = await coordinator.connected();
  expect(hello.proxy).toBe(`http://127.0.0.1:${proxy.port}`);
  expect(proxy.asked).toEqual([`localhost:${coordinator.port}`, `localhost:${coordinator.port}`]);
  expect(outputOf(await coordinator.finished(await coordinator.offer(echo))).toString()).toBe('through\n');
});

test('a proxy gets the name and password that it wants, and nobody is shown them', async () => {
  const coordinator = await testCoordinator();
  const proxy = await connectProxy('someone:p%40ss');
  const url = `http://someone:p%2540ss@127.0.0.1:${proxy.port}`;
  const agent = await testAgent(coordinator, { config: { proxy: url } });
  const { hello } = await coordinator.connected();
  expect(proxy.refused).toBe(0);
  expect(JSON.stringify(hello) + agent.lines.join('')).not.toContain('p%');
});

test('a proxy that wants a password is named as the cause', async () => {
  const coordinator = await testCoordinator();
  const proxy = await connectProxy('someone:secret');
  const agent = await testAgent(coordinator, { config: { proxy: `http://127.0.0.1:${proxy.port}` } });
  await expect.poll(() => agent.lines.join('')).toContain('wants a name and a password');
  expect(coordinator.sessions).toBe(0);
});

test('a proxy that does not let the address through is named as the cause', async () => {
  const coordinator = await testCoordinator();
  const proxy = await connectProxy();
  proxy.deny = 403;
  const agent = await testAgent(coordinator, { config: { proxy: proxy.url } });
  await expect
    .poll(() => agent.lines.join(''))
    .toContain(`does not connect to localhost:${coordinator.port} (HTTP 403)`);
});

test('a proxy that is restarted is gone through again', async () => {
  const coordinator = await testCoordinator();
  const proxy = await connectProxy();
  await testAgent(coordinator, { config: { proxy: proxy.url } });
  await coordinator.connected();
  const next = coordinator.nextSession();
  proxy.cut();
  await next;
  expect(coordinator.sessions).toBe(2);
});

test('the proxy of the environment is used, and NO_PROXY keeps it out', async () => {
  const coordinator = await testCoordinator();
  const proxy = await connectProxy();
  const folder = await packageFolder(coordinator);
  const through = runAgentProgram(['run'], { cwd: folder, env: { HTTP_PROXY: proxy.url } });
  await coordinator.connected();
  expect(proxy.asked.length).toBe(2);
  through.child.kill('SIGTERM');
  await through.exited;
  const past = runAgentProgram(['run'], {
    cwd: folder,
    env: { HTTP_PROXY: proxy.url, NO_PROXY: 'example.com,localhost' },
  });
  await coordinator.connected();
  expect(proxy.asked.length).toBe(2);
  past.child.kill('SIGTERM');
  expect(await past.exited).toBe(AGENT_EXIT.ok);
});

test('a certificate of a private authority is trusted when the configuration holds that authority', async () => {
  const { ca, cert, key } = await privateCertificate('localhost');
  const coordinator = await testCoordinator({ cert, key });
  await testAgent(coordinator, { config: { ca } });
  await coordinator.connected();
  expect(outputOf(await coordinator.finished(await coordinator.offer(echo))).toString()).toBe('through\n');
});

test('encrypted all the way through a proxy', async () => {
  const { ca, cert, key } = await privateCertificate('localhost');
  const coordinator = await testCoordinator({ cert, key });
  const proxy = await connectProxy('someone:secret');
  await testAgent(coordinator, { config: { ca, proxy: proxy.url } });
  await coordinator.connected();
  expect(proxy.asked.length).toBe(2);
});

test('a certificate that is not trusted is said to be so, and nothing is sent', async () => {
  const { cert, key } = await privateCertificate('localhost');
  const coordinator = await testCoordinator({ cert, key });
  const agent = await testAgent(coordinator);
  await expect.poll(() => agent.lines.join('')).toContain('an authority that this host does not know');
  expect(coordinator.enrolments).toBe(0);
});

test('a certificate for another name is not trusted', async () => {
  const { ca, cert, key } = await privateCertificate('elsewhere.example');
  const coordinator = await testCoordinator({ cert, key });
  const agent = await testAgent(coordinator, { config: { ca } });
  await expect.poll(() => agent.lines.join('')).toContain('its certificate is for another name');
});

test.each([
  ['ftp://user:secret@proxy:1080', 'proxy: ftp:// proxies are not supported'],
  ['socks6://proxy:1080', 'proxy: socks6:// proxies are not supported'],
  ['http://user:secret@:bad', 'proxy: this is not an address'],
  ['socks5://user:secret@', 'proxy: this is not an address'],
  ['socks4a://user:secret@proxy', 'proxy: SOCKS 4 knows a name and no password'],
  ['http://user:secret%zz@proxy:3128', 'proxy: its name or password has a %'],
])('a proxy address that cannot be used is refused: %s', (proxy, message) => {
  const coordinator = { url: 'https://coordinator.example', publicKey: '' };
  expect(() => createTransport({ coordinator, proxy })).toThrow(message);
  expect(() => createTransport({ coordinator, proxy })).not.toThrow('secret');
});
