import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { BareRoot, NO_BARE_ROOT } from '../agent/testing/bare-root.ts';
import type { CoordinatorProcess } from '../bench/harness/coordinator.ts';
import { API_BASE } from '../protocol/api/routes.ts';
import { AGENT_EXIT } from '../protocol/enrolment.ts';
import { expect, test } from './support/test.ts';

/** Packages of a real coordinator, with the real agent in them, on a host without Node and without a running systemd. */

const C = { LC_ALL: 'C' };
const PLACES = [
  '/etc',
  '/etc/systemd/system',
  '/etc/systemd/system/multi-user.target.wants',
  '/var/lib',
  '/opt',
  '/usr/lib',
];

/** What is of ours on the host: files, and the account. */
function ours(root: BareRoot): string[] {
  const names = PLACES.flatMap((place) =>
    existsSync(root.path(place)) ? readdirSync(root.path(place)).map((name) => `${place}/${name}`) : [],
  );
  return [
    ...names.filter((name) => name.includes('outrunner')),
    ...['/etc/passwd', '/etc/group'].filter((file) => root.read(file).includes('outrunner')),
  ];
}

async function newRunner({ api }: CoordinatorProcess, name: string) {
  return api.call('createRunner', { body: { name, description: 'A host in the lab', tags: ['linux'] } });
}

async function put(root: BareRoot, coordinator: CoordinatorProcess, id: string, format: string, path: string) {
  const query = `platform=linux-x64&format=${format}`;
  const response = await coordinator.api.fetch(`${API_BASE}/runners/${id}/package?${query}`);
  expect(response.status).toBe(200);
  await writeFile(root.path(path), Buffer.from(await response.arrayBuffer()));
}

test.describe('on a bare host', () => {
  test.skip(NO_BARE_ROOT !== '' || process.arch !== 'x64', NO_BARE_ROOT || 'the executable built here is for x64');
  let root: BareRoot;
  test.beforeEach(() => {
    root = new BareRoot();
  });
  test.afterEach(() => root.close());

  test('dpkg installs the agent as a service, which gets its green check mark, and takes all of it away', async ({
    coordinator,
  }) => {
    const { runner } = await newRunner(coordinator, 'by dpkg');
    await put(root, coordinator, runner.id, 'deb', '/root/agent.deb');
    const installed = await root.run(['dpkg', '--install', '/root/agent.deb'], C);
    expect(installed).toMatchObject({ code: 0, stderr: '' });
    expect(installed.stdout).toContain('SHA-256 and signature are right');
    expect(installed.stdout).toContain('not started, because systemd does not run here; it starts with the host');
    expect(ours(root)).toContain('/etc/systemd/system/multi-user.target.wants/outrunner-agent.service');
    expect(statSync(root.path('/etc/outrunner-agent/runner.json')).mode & 0o777).toBe(0o600);
    expect((await root.run(['dpkg', '--verify', 'outrunner-agent'])).stdout).toBe('');

    // What the unit would start.
    const command = /^ExecStart=(.*)$/m.exec(root.read('/etc/systemd/system/outrunner-agent.service'))?.[1] ?? '';
    const live = await coordinator.api.live();
    const running = root.start(['runuser', '-u', 'outrunner-agent', '--', 'sh', '-c', `exec ${command}`]);
    await live.until(
      (event) =>
        event.topic === 'runner' &&
        event.action !== 'deleted' &&
        event.id === runner.id &&
        event.runner.status === 'Healthy',
    );
    live.close();
    const ended = once(running, 'close');
    running.kill('SIGTERM');
    await ended;

    // The same package again keeps the identity that it has by now.
    const identity = root.read('/var/lib/outrunner-agent/identity.json');
    expect((await root.run(['dpkg', '--install', '/root/agent.deb'], C)).code).toBe(0);
    expect(root.read('/var/lib/outrunner-agent/identity.json')).toBe(identity);

    const removed = await root.run(['dpkg', '--remove', 'outrunner-agent'], C);
    expect([removed.code, ours(root)]).toEqual([
      0,
      ['/etc/outrunner-agent', '/var/lib/outrunner-agent', '/etc/passwd', '/etc/group'],
    ]);
    const purged = await root.run(['dpkg', '--purge', 'outrunner-agent'], C);
    expect([purged.code, ours(root)]).toEqual([0, []]);
  });

  test('rpm installs and removes it as well', async ({ coordinator }) => {
    test.skip(!existsSync('/usr/bin/rpm'), 'there is no rpm here');
    const { runner } = await newRunner(coordinator, 'by rpm');
    await put(root, coordinator, runner.id, 'rpm', '/root/agent.rpm');
    const check = await root.run(['rpm', '--checksig', '/root/agent.rpm'], C);
    expect(check.stdout).toContain('digests OK');
    // This host has its libraries from dpkg, which rpm does not ask.
    const installed = await root.run(['rpm', '--install', '--nodeps', '/root/agent.rpm'], C);
    expect(installed).toMatchObject({ code: 0 });
    expect((await root.run(['/opt/outrunner-agent/outrunner-agent', 'service', 'status'])).stdout).toContain(
      'outrunner-agent',
    );
    expect(await root.run(['rpm', '--erase', 'outrunner-agent'], C)).toMatchObject({ code: 0 });
    expect(ours(root)).toEqual(['/etc/outrunner-agent', '/var/lib/outrunner-agent', '/etc/passwd', '/etc/group']);
  });

  test('one line installs the service, and the agent takes itself away again', async ({ coordinator }) => {
    const { runner } = await newRunner(coordinator, 'by one line');
    const { sh } = await coordinator.api.call('describeInstall', { params: { id: runner.id } });
    const line = `curl -sSL ${sh} | sh -s -- --no-start --name lab-2`;
    const installed = await root.run(['sh', '-c', line]);
    expect(installed).toMatchObject({ code: 0, stderr: '' });
    expect(ours(root)).toEqual([]);
    expect(existsSync(root.path('/etc/systemd/system/lab-2.service'))).toBe(true);
    expect(readdirSync(root.path('/tmp'))).toEqual([]);
    // Without systemd nothing starts it, which the exit code says.
    // An openssl as on a Mac: then OpenSSH checks the signature.
    root.write('/root/openssl', '#!/bin/sh\nexit 1\n', 0o755);
    const again = await root.run(['sh', '-c', `PATH=/root:$PATH; curl -sSL ${sh} | sh -s -- --name lab-2`]);
    expect(again).toMatchObject({
      code: AGENT_EXIT.serviceNotStarted,
      stdout: expect.stringContaining('SHA-256 and signature are right'),
    });
    const removed = await root.run([
      '/opt/lab-2/outrunner-agent',
      'service',
      'uninstall',
      '--name',
      'lab-2',
      '--purge',
    ]);
    expect(removed.code).toBe(0);
    for (const place of ['/etc/lab-2', '/var/lib/lab-2', '/opt/lab-2', '/etc/systemd/system/lab-2.service'])
      expect([place, existsSync(root.path(place))]).toEqual([place, false]);
  });
});
