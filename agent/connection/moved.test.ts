import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { manualClock } from '../../protocol/clock.ts';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { privateCertificate } from '../testing/certificate.ts';
import { frontProxy } from '../testing/front-proxy.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

test.each(['the file', 'the environment'])(
  'a coordinator at another address, said by %s, gets what is owed to it, and goes on',
  async (where) => {
    const coordinator = await testCoordinator();
    coordinator.behaviour.acknowledges = false;
    const folder = await packageFolder(coordinator);
    const first = runAgentProgram(['run'], { cwd: folder });
    await coordinator.connected();
    const operation = await coordinator.offer([{ type: 'command', command: 'echo owed' }]);
    await coordinator.finished(operation);
    first.child.kill('SIGKILL');
    await first.exited;
    coordinator.behaviour.acknowledges = true;
    coordinator.journals.clear();
    const front = await frontProxy(coordinator.port);
    const config = {
      enrolment: undefined,
      ...(where === 'the file' ? { coordinator: { url: front.url, publicKey: coordinator.publicKey } } : {}),
    };
    const env = where === 'the file' ? {} : { OUTRUNNER_COORDINATOR_URL: front.url };
    await testAgent(coordinator, { folder, config, env });
    const { hello } = await coordinator.connected();
    expect(front.seen).toEqual(['upgrade']);
    expect(hello.operations.map((held) => held.operation)).toEqual([operation]);
    expect(outputOf(await coordinator.finished(operation)).toString()).toBe('owed\n');
    const after = await coordinator.offer([{ type: 'command', command: 'echo after' }]);
    expect(outputOf(await coordinator.finished(after)).toString()).toBe('after\n');
  },
);

const canUnshare = spawnSync('unshare', ['--mount', 'true']).status === 0;

test.skipIf(!canUnshare)(
  'a name that moves to another host is looked up again at the next connection (needs mount namespaces)',
  async () => {
    const name = 'coordinator.test';
    const { ca, cert, key } = await privateCertificate(name);
    const coordinator = await testCoordinator({ cert, key });
    const [old, fresh] = [await relay('127.0.0.2', coordinator.port), await relay('127.0.0.3', coordinator.port, true)];
    const folder = await temporaryFolder();
    const hosts = join(folder, 'hosts');
    await writeFile(hosts, `127.0.0.1 localhost\n127.0.0.2 ${name}\n`);
    const url = `https://${name}:${old.port}`;
    await writeFile(
      join(folder, 'runner.json'),
      JSON.stringify({ ...coordinator.config(), ca, coordinator: { url, publicKey: coordinator.publicKey } }),
    );
    const program = runAgentProgram(['run'], {
      cwd: folder,
      launcher: ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', hosts],
    });
    await coordinator.connected();
    expect([old.connections > 0, fresh.connections]).toEqual([true, 0]);
    // The same file, in place: it is mounted over the other.
    await writeFile(hosts, `127.0.0.1 localhost\n127.0.0.3 ${name}\n`);
    await fresh.listen(old.port);
    const next = coordinator.nextSession();
    await old.stop();
    await next;
    expect(fresh.connections).toBeGreaterThan(0);
    program.child.kill('SIGTERM');
    await program.exited;
    expect(execFileSync('cat', ['/etc/hosts'], { encoding: 'utf8' })).not.toContain(name);
  },
);

test('two processes with one copied identity: each finishes its own work, nothing is lost or done twice, and it is said', async () => {
  const coordinator = await testCoordinator();
  const clock = manualClock(Date.now());
  const one = await testAgent(coordinator, { clock });
  await coordinator.connected();
  const ran = join(await temporaryFolder(), 'ran');
  const first = await coordinator.offer([{ type: 'command', command: `echo one >> ${ran}; sleep 1; echo first` }]);
  await coordinator.recorded(first, ({ kind }) => kind === 'step-started');
  const copy = await temporaryFolder();
  // What somebody copies who clones a host: the identity, not the work that is under way.
  await cp(join(one.folder, 'runner.json'), join(copy, 'runner.json'));
  await cp(join(one.state, 'identity.json'), join(copy, 'state', 'identity.json'));
  const before = coordinator.session;
  const opened = coordinator.nextSession();
  const config = { enrolment: undefined };
  const two = await testAgent(coordinator, { folder: copy, config });
  await opened;
  before?.send({
    type: 'rejected',
    code: 'session-superseded',
    detail: 'Another process connected with this identity.',
    todo: '',
  });
  before?.socket.close(4002, 'session-superseded');
  await expect.poll(() => one.lines.join('')).toContain('session-superseded');
  const second = await coordinator.offer([{ type: 'command', command: `echo two >> ${ran}; echo second` }]);
  expect(outputOf(await coordinator.finished(second)).toString()).toBe('second\n');
  // The copy is stopped, as it was said to whoever looks: the other comes back with what it holds.
  two.stop('it is a copy');
  await two.ended;
  await expect
    .poll(() => {
      clock.advance(1_000);
      return coordinator.session?.hello.instance;
    })
    .toBe(before?.hello.instance);
  const records = await coordinator.finished(first);
  expect(outputOf(records).toString()).toBe('first\n');
  expect((await readFile(ran, 'utf8')).split('\n').sort()).toEqual(['', 'one', 'two']);
});

/** A relay from an address of loopback to a port of this host. */
async function relay(address: string, to: number, later = false) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    one.connections += 1;
    const far = connect(to, 'localhost');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  const one = {
    port: 0,
    connections: 0,
    async listen(port: number) {
      server.listen(port, address);
      await once(server, 'listening');
      const at = server.address();
      one.port = typeof at === 'object' && at !== null ? at.port : 0;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
  if (!later) await one.listen(0);
  onTestFinished(one.stop);
  return one;
}
