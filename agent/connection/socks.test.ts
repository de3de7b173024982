import { expect, test } from 'vitest';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { privateCertificate } from '../testing/certificate.ts';
import { socksProxy } from '../testing/socks-proxy.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

const echo = [{ type: 'command' as const, command: 'echo through' }];

test.each([
  ['socks5', /^5 ipv[46] /],
  ['socks5h', /^5 name localhost:/],
  ['socks', /^5 name localhost:/],
  ['socks4', /^4 ipv4 127\.0\.0\.1:/],
  ['socks4a', /^4a name localhost:/],
])('enrolment, WebSocket and long polling go through a proxy of %s', async (scheme, asked) => {
  const coordinator = await testCoordinator();
  const proxy = await socksProxy();
  const url = `${scheme}://127.0.0.1:${proxy.port}`;
  const agent = await testAgent(coordinator, { config: { proxy: url } });
  const { hello } = await coordinator.connected();
  expect(hello).toMatchObject({ transport: 'websocket', proxy: url });
  expect(proxy.asked.length).toBe(2);
  agent.stop('next');
  await agent.ended;
  await coordinator.disconnected();
  await testAgent(coordinator, { folder: agent.folder, config: { proxy: url, transport: 'polling' } });
  expect((await coordinator.connected()).hello.transport).toBe('polling');
  expect(outputOf(await coordinator.finished(await coordinator.offer(echo))).toString()).toBe('through\n');
  expect(proxy.asked.length).toBeGreaterThan(2);
  for (const target of proxy.asked) expect(target).toMatch(asked);
});

test('a SOCKS proxy gets the name and password that it wants, encrypted all the way, and nobody is shown them', async () => {
  const { ca, cert, key } = await privateCertificate('localhost');
  const coordinator = await testCoordinator({ cert, key });
  const proxy = await socksProxy('someone:p@ss:word');
  const agent = await testAgent(coordinator, {
    config: { ca, proxy: `socks5h://someone:p%40ss%3Aword@127.0.0.1:${proxy.port}` },
  });
  const { hello } = await coordinator.connected();
  expect(hello.proxy).toBe(`socks5h://127.0.0.1:${proxy.port}`);
  expect(proxy.asked).toEqual(Array(2).fill(`5 name localhost:${coordinator.port} as someone`));
  expect(JSON.stringify(hello) + agent.lines.join('')).not.toMatch(/p%40|p@ss/);
});

test('SOCKS 4 tells who asks', async () => {
  const coordinator = await testCoordinator();
  const proxy = await socksProxy();
  await testAgent(coordinator, { config: { proxy: `socks4a://someone@127.0.0.1:${proxy.port}` } });
  await coordinator.connected();
  expect(proxy.asked[0]).toContain('as someone');
});

test.each([
  ['no password', '', undefined, 'wants a name and a password'],
  ['the wrong password', 'someone:wrong@', undefined, 'refuses the name and the password'],
  ['an address that it does not allow', 'someone:secret@', 2, 'does not connect to localhost:'],
])('a SOCKS proxy that is given %s is named as the cause, without the password', async (_what, who, deny, message) => {
  const coordinator = await testCoordinator();
  const proxy = await socksProxy('someone:secret');
  if (deny !== undefined) proxy.deny = deny;
  const agent = await testAgent(coordinator, { config: { proxy: `socks5h://${who}127.0.0.1:${proxy.port}` } });
  await expect.poll(() => agent.lines.join('')).toContain(message);
  expect(agent.lines.join('')).not.toMatch(/secret|wrong/);
  expect(coordinator.enrolments).toBe(0);
});

test('a proxy that is not there, or speaks no SOCKS, is named as the cause', async () => {
  const coordinator = await testCoordinator();
  const gone = await testAgent(coordinator, { config: { proxy: 'socks5h://127.0.0.1:1' } });
  await expect.poll(() => gone.lines.join('')).toContain('the proxy socks5h://127.0.0.1:1 refuses the connection');
  const other = await testAgent(coordinator, { config: { proxy: `socks5h://127.0.0.1:${coordinator.port}` } });
  await expect.poll(() => other.lines.join('')).toMatch(/does not answer as a SOCKS proxy|was cut/);
});

test('a SOCKS proxy that is restarted is gone through again', async () => {
  const coordinator = await testCoordinator();
  const proxy = await socksProxy();
  await testAgent(coordinator, { config: { proxy: `socks5h://127.0.0.1:${proxy.port}` } });
  await coordinator.connected();
  const next = coordinator.nextSession();
  proxy.cut();
  await next;
  expect(coordinator.sessions).toBe(2);
});

test('doctor looks at the way through a SOCKS proxy, and the one of the environment is used', async () => {
  const coordinator = await testCoordinator();
  const proxy = await socksProxy('someone:secret');
  const folder = await packageFolder(coordinator);
  const ask = async (url: string) => {
    const program = runAgentProgram(['doctor'], { cwd: folder, env: { ALL_PROXY: url } });
    return { code: await program.exited, text: program.stdout() };
  };
  for (const scheme of ['socks5', 'socks5h']) {
    const { code, text } = await ask(`${scheme}://someone:secret@127.0.0.1:${proxy.port}`);
    expect(text).toContain(`${scheme}://127.0.0.1:${proxy.port} connects to localhost:${coordinator.port}`);
    expect(text).toMatch(/✓ websocket/);
    expect([code, text.includes('secret')]).toEqual([0, false]);
  }
  const { code, text } = await ask(`socks5h://someone:wrong@127.0.0.1:${proxy.port}`);
  expect(text).toMatch(/✗ proxy .*refuses the name and the password/);
  expect([code, text.includes('wrong')]).toEqual([20, false]);
});
