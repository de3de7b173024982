import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../protocol/clock.ts';
import { findRunningCoordinator, signInAsOwner } from './local-coordinator.ts';
import { SmallCoordinator } from './testing/small-coordinator.ts';

const caller = { fetch: (url: string, init: RequestInit) => fetch(url, init), clock: systemClock() };
let folder: string;
let coordinator: SmallCoordinator;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-local-'));
  coordinator = await SmallCoordinator.start();
});
afterEach(async () => {
  await coordinator.stop();
  await rm(folder, { recursive: true, force: true });
});
const announce = (content: unknown) => writeFile(join(folder, 'coordinator.json'), JSON.stringify(content));

it('finds the coordinator that announced itself and answers', async () => {
  await announce({ url: coordinator.url, pid: 1, startedAt: '2026-11-23T20:15:00.000Z' });
  expect(await findRunningCoordinator(caller, folder)).toBe(coordinator.url);
});

it('finds none where nothing was announced, the announcement is damaged, or nobody answers', async () => {
  expect(await findRunningCoordinator(caller, folder)).toBeNull();
  for (const damaged of [
    '',
    { url: 'file:///etc/passwd', pid: 1 },
    { url: `${coordinator.url}/path`, pid: 1 },
    { pid: 1 },
  ]) {
    await announce(damaged);
    expect(await findRunningCoordinator(caller, folder), JSON.stringify(damaged)).toBeNull();
  }
  await writeFile(join(folder, 'coordinator.json'), '{"url":');
  expect(await findRunningCoordinator(caller, folder)).toBeNull();
  await announce({ url: 'http://127.0.0.1:1', pid: 1 });
  expect(await findRunningCoordinator(caller, folder)).toBeNull();
});

it('signs the owner in by the ticket in the folder', async () => {
  await writeFile(join(folder, 'owner.ticket'), `${coordinator.ticket}\n`);
  expect(await signInAsOwner(caller, folder, coordinator.url)).toEqual({ url: coordinator.url, token: 'token-1' });
  await writeFile(join(folder, 'owner.ticket'), 'another');
  await expect(signInAsOwner(caller, folder, coordinator.url)).rejects.toMatchObject({ code: 'sign-in-refused' });
  await rm(join(folder, 'owner.ticket'));
  await expect(signInAsOwner(caller, folder, coordinator.url)).rejects.toThrow('cannot be read');
});
