import { NO_BOOTED_ROOT } from '../agent/testing/booted-root.ts';
import type { CoordinatorProcess } from '../bench/harness/coordinator.ts';
import type { NewSshInstall, SshInstall } from '../protocol/api/ssh-installs.ts';
import { type BootedSshHost, bootSshHost } from './support/ssh-host.ts';
import { expect, test } from './support/test.ts';

/** Begins an installation of a new Runner by the API and resolves when it has ended. */
async function install(
  { api }: CoordinatorProcess,
  host: BootedSshHost,
  name: string,
  how: Pick<NewSshInstall, 'user' | 'auth'> & Partial<NewSshInstall>,
): Promise<SshInstall> {
  const { runner } = await api.call('createRunner', {
    body: { name, description: 'Of the whole host', tags: ['ssh'] },
  });
  const begun = await api.call('startSshInstall', {
    params: { id: runner.id },
    body: { host: '127.0.0.1', port: host.port, hostKey: host.fingerprint, name, ...how },
  });
  const params = { id: begun.id };
  await expect
    .poll(async () => (await api.call('getSshInstall', { params })).endedAt, { timeout: 120_000 })
    .not.toBeNull();
  return api.call('getSshInstall', { params });
}

/** What systemd says of the service, and the coordinator of its Runner. */
async function serviceOf({ api }: CoordinatorProcess, host: BootedSshHost, name: string) {
  const { items } = await api.call('listRunners', { query: { search: name } });
  const show = await host.sh(`systemctl show --property=ActiveState,UnitFileState,User ${name}`);
  return { status: items[0]?.status, ...Object.fromEntries(show.split('\n').map((line) => line.split('='))) };
}

const password = (of: string) => ({ user: of, auth: { method: 'password' as const, password: `${of}-secret` } });

test('a service of the whole host is installed over SSH by root and by sudo, and runs under a real systemd', async ({
  coordinator,
}) => {
  test.skip(NO_BOOTED_ROOT !== '', `no root with a systemd of its own: ${NO_BOOTED_ROOT}`);
  test.setTimeout(400_000);
  const host = await bootSshHost();
  test.skip(typeof host === 'string', `systemd does not start in a namespace here: ${String(host)}`);
  if (typeof host === 'string') return;
  try {
    for (const [name, how] of Object.entries({
      'by-root': password('root'),
      'by-sudo-with-a-password': password('asked'),
      'by-free-sudo': password('free'),
    })) {
      const done = await install(coordinator, host, name, how);
      expect([name, done.state, done.problem?.detail]).toEqual([name, 'succeeded', undefined]);
      expect(done.steps.find(({ step }) => step === 'start')?.detail).toMatch(/^Checked in from /);
      expect(await serviceOf(coordinator, host, name)).toEqual({
        status: 'Healthy',
        ActiveState: 'active',
        UnitFileState: 'enabled',
        User: name,
      });
      expect(await host.leftovers()).toEqual([]);
    }

    // Half-way: what it needs has no room in the end. What was made before is taken back, and it can be tried again.
    await host.sh('mount -t tmpfs -o size=20m none /opt');
    const full = await install(coordinator, host, 'half-way', password('asked'));
    expect([full.state, full.problem?.code, full.problem?.detail]).toEqual([
      'failed',
      'ssh-no-space',
      expect.stringContaining('no space left'),
    ]);
    expect([await host.traces('half-way'), await host.leftovers()]).toEqual([[], []]);
    await host.sh('umount /opt');
    const mended = await coordinator.api.call('startSshInstall', {
      params: { id: full.runner },
      body: { host: '127.0.0.1', port: host.port, name: 'half-way', ...password('asked') },
    });
    await expect
      .poll(async () => (await coordinator.api.call('getSshInstall', { params: { id: mended.id } })).state, {
        timeout: 120_000,
      })
      .toBe('succeeded');
    expect((await serviceOf(coordinator, host, 'half-way')).status).toBe('Healthy');

    // Who may not: nothing is sent at all.
    const refused = await install(coordinator, host, 'by-nobody', password('plain'));
    expect([refused.problem?.code, await host.traces('by-nobody')]).toEqual(['ssh-no-sudo', []]);
  } finally {
    await host.close();
  }
});
