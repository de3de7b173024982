import { expect, test } from 'vitest';
import { privateCertificate } from '../testing/certificate.ts';
import { hasSquid } from '../testing/squid.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';
import { squid } from '../testing/test-squid.ts';

const account = { name: 'someone', password: 'p@ss:word' };
const counting = 'for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.2; done';

test.skipIf(!hasSquid).each([
  ['websocket', null],
  ['websocket', account],
  ['polling', null],
  ['polling', account],
] as const)(
  'through a real Squid by %s (account: %o), restarted in the middle of the work, all of it arrives (needs squid)',
  async (transport, who) => {
    const { ca, cert, key } = await privateCertificate('localhost');
    const coordinator = await testCoordinator({ cert, key });
    const proxy = await squid(who ?? undefined);
    const login = who === null ? '' : `${who.name}:${encodeURIComponent(who.password)}@`;
    const agent = await testAgent(coordinator, {
      config: { ca, transport, proxy: `http://${login}127.0.0.1:${proxy.port}` },
    });
    const { hello } = await coordinator.connected();
    expect(hello).toMatchObject({ transport, proxy: `http://127.0.0.1:${proxy.port}` });
    const operation = await coordinator.offer([{ type: 'command', command: counting }]);
    await coordinator.recorded(operation, ({ kind }) => kind === 'output');
    await proxy.restart();
    const records = await coordinator.finished(operation);
    expect(outputOf(records).toString()).toBe('1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n');
    expect(agent.lines.join('')).not.toContain('p%40ss');
    agent.stop('done');
    await agent.ended;
    await expect
      .poll(() => proxy.log())
      .toMatch(new RegExp(`CONNECT localhost:${coordinator.port} ${who?.name ?? '-'} `));
  },
);

test.skipIf(!hasSquid)('a Squid that is away for a while is waited for (needs squid)', async () => {
  const coordinator = await testCoordinator();
  const proxy = await squid();
  const agent = await testAgent(coordinator, { config: { proxy: `http://127.0.0.1:${proxy.port}` } });
  await coordinator.connected();
  await proxy.stop();
  await expect.poll(() => agent.lines.join('')).toContain('Still not connected');
  await proxy.restart();
  const { hello } = await coordinator.connected();
  expect(hello.transport).toBe('websocket');
});

test.skipIf(!hasSquid)(
  'a Squid that wants another password is named as the cause, without any (needs squid)',
  async () => {
    const coordinator = await testCoordinator();
    const proxy = await squid(account);
    const agent = await testAgent(coordinator, { config: { proxy: `http://someone:wrong@127.0.0.1:${proxy.port}` } });
    await expect.poll(() => agent.lines.join('')).toContain('wants a name and a password');
    expect(agent.lines.join('')).not.toContain('wrong');
  },
);
