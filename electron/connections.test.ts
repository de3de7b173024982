import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../protocol/clock.ts';
import { type Connections, coordinatorAddress, createConnections } from './connections.ts';
import type { EmbeddedCoordinator } from './embedded-coordinator.ts';
import { openJsonFile, SettingsSchema } from './settings-file.ts';
import { SmallCoordinator } from './testing/small-coordinator.ts';
import { openTokenVault } from './token-vault.ts';

let folder: string;
let remote: SmallCoordinator;
let confirmed: string[];
let answer: boolean;
const reports: string[] = [];
const HERE = { url: 'http://127.0.0.1:4440', token: 'here' };
const embedded: EmbeddedCoordinator = {
  run: () => undefined,
  current: HERE,
  target: async () => HERE,
  renew: async () => ({ ...HERE, token: 'renewed' }),
  lost: () => undefined,
  stop: async () => undefined,
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-connections-'));
  remote = await SmallCoordinator.start();
  confirmed = [];
  answer = true;
  reports.length = 0;
});
afterEach(async () => {
  await remote.stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<Connections> {
  const report = (message: string) => void reports.push(message);
  const noSealer = {
    available: async () => false,
    seal: async () => new Uint8Array(),
    open: async () => Promise.reject(),
  };
  return createConnections({
    caller: { fetch: (url, init) => fetch(url, init), clock: systemClock() },
    settings: await openJsonFile(join(folder, 'settings.json'), SettingsSchema, report),
    vault: await openTokenVault(join(folder, 'tokens.json'), noSealer, report),
    embedded,
    confirmHost: async (host) => {
      confirmed.push(host);
      return answer;
    },
    changed: () => undefined,
    report,
  });
}

describe('the coordinators that the console knows', () => {
  it('begin with the one on this computer, which signs its owner in by itself', async () => {
    const connections = await open();
    expect(connections.list()).toEqual({
      active: 'embedded',
      profiles: [
        {
          id: 'embedded',
          kind: 'embedded',
          label: 'On this computer',
          url: HERE.url,
          signedIn: true,
          remembered: true,
        },
      ],
    });
    expect(await connections.target()).toEqual(HERE);
    expect(await connections.renew(HERE)).toMatchObject({ token: 'renewed' });
    await expect(connections.signIn('a', 'b')).rejects.toMatchObject({ code: 'conflict' });
    await expect(connections.signOut()).rejects.toMatchObject({ code: 'conflict' });
  });

  it('take a remote one that answers, after the person confirmed its host, and keep it over a restart', async () => {
    const connections = await open();
    const { active, profiles } = await connections.add(`${remote.url}/`, ' Site A ');
    expect(confirmed).toEqual([new URL(remote.url).host]);
    expect(profiles[1]).toMatchObject({
      id: active,
      kind: 'remote',
      label: 'Site A',
      url: remote.url,
      signedIn: false,
    });
    expect(await connections.target()).toEqual({ url: remote.url, token: null });
    expect((await open()).list()).toMatchObject({ active, profiles: [{}, { label: 'Site A' }] });
  });

  it('stay as they are when the person does not confirm, nobody answers, or it is there already', async () => {
    const connections = await open();
    answer = false;
    expect((await connections.add(remote.url, '')).profiles).toHaveLength(1);
    expect(remote.requests).toEqual([]);
    answer = true;
    await expect(connections.add('http://127.0.0.1:1', '')).rejects.toMatchObject({ code: 'coordinator-unreachable' });
    await connections.add(remote.url, '');
    await expect(connections.add(remote.url, '')).rejects.toMatchObject({ code: 'name-taken' });
    expect(connections.list().profiles).toHaveLength(2);
  });

  it('can be signed in to and out of; the token goes into the vault and nowhere else', async () => {
    const connections = await open();
    await connections.add(remote.url, 'A');
    await expect(connections.signIn('admin', 'wrong')).rejects.toMatchObject({ code: 'sign-in-refused' });
    const signedIn = await connections.signIn('admin', 'right');
    expect(signedIn.profiles[1]).toMatchObject({ signedIn: true, remembered: false });
    expect(JSON.stringify(signedIn)).not.toContain('token-1');
    expect(await connections.target()).toEqual({ url: remote.url, token: 'token-1' });
    expect((await connections.signOut()).profiles[1]).toMatchObject({ signedIn: false });
    expect(remote.tokens.size).toBe(0);
  });

  it('ask the person again when a remote coordinator refuses the token', async () => {
    const connections = await open();
    await connections.add(remote.url, 'A');
    await connections.signIn('admin', 'right');
    const target = await connections.target();
    expect(await connections.renew({ ...target, token: 'an older one' })).toBeNull();
    expect(connections.list().profiles[1]?.signedIn).toBe(true);
    expect(await connections.renew(target)).toBeNull();
    expect(connections.list().profiles[1]?.signedIn).toBe(false);
  });

  it('can be chosen and forgotten; the one on this computer stays', async () => {
    const connections = await open();
    const { active } = await connections.add(remote.url, 'A');
    await connections.signIn('admin', 'right');
    expect((await connections.use('embedded')).active).toBe('embedded');
    expect((await connections.use(active)).active).toBe(active);
    await expect(connections.use('unknown')).rejects.toMatchObject({ code: 'not-found' });
    await expect(connections.remove('embedded')).rejects.toMatchObject({ code: 'not-found' });
    expect(await connections.remove(active)).toMatchObject({ active: 'embedded', profiles: [{ id: 'embedded' }] });
    expect(remote.tokens.size).toBe(0);
  });

  it('are forgotten also when they cannot be reached, with a report', async () => {
    const connections = await open();
    await connections.add(remote.url, 'A');
    await connections.signIn('admin', 'right');
    await remote.stop();
    expect((await connections.signOut()).profiles[1]?.signedIn).toBe(false);
    expect(reports.join()).toContain('did not reach');
    remote = await SmallCoordinator.start();
  });
});

describe('the address of a coordinator', () => {
  it('is https, or http on this computer, and nothing but host and port', () => {
    expect(coordinatorAddress(' https://Runner.Example:443/ ')).toBe('https://runner.example');
    expect(coordinatorAddress('http://localhost:4440')).toBe('http://localhost:4440');
    expect(coordinatorAddress('http://[::1]:4440')).toBe('http://[::1]:4440');
    for (const bad of [
      '',
      'runner.example',
      'http://runner.example',
      'http://127.0.0.1.evil.example',
      'http://localhost.evil.example',
      'https://user:password@runner.example',
      'https://runner.example/path',
      'https://runner.example/?x=1',
      'ftp://runner.example',
      'app://outrunner',
      'javascript:alert(1)',
    ]) {
      expect(() => coordinatorAddress(bad), bad).toThrow(
        expect.objectContaining({ code: 'invalid-input', fields: [expect.objectContaining({ path: 'url' })] }),
      );
    }
  });
});
