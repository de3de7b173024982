import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../protocol/clock.ts';
import { isPassword } from '../identity/password.ts';
import { type DataFolder, openDataFolder } from '../store/data-folder.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { makeAdmin, makeWelcome, openOwnerTicket } from './first-start.ts';
import { SAMPLE_JOBS } from './sample-jobs.ts';

let base: string;
let folder: DataFolder;
let store: Store;
const clock = systemClock();

beforeEach(async () => {
  base = mkdtempSync(path.join(os.tmpdir(), 'outrunner-first-start-'));
  folder = openDataFolder(path.join(base, 'data'));
  store = await openSqliteStore(folder.databasePath);
});

afterEach(async () => {
  await store.close();
  folder.release();
  rmSync(base, { recursive: true });
});

test('the owner ticket is for its user alone, stays the same, and is made anew when it was deleted', () => {
  const ticket = openOwnerTicket(folder);
  expect(openOwnerTicket(folder)).toBe(ticket);
  expect(statSync(folder.ownerTicketPath).mode & 0o777).toBe(0o600);
  rmSync(folder.ownerTicketPath);
  expect(openOwnerTicket(folder)).not.toBe(ticket);
  // A file that was emptied is no ticket that signs anybody in.
  writeFileSync(folder.ownerTicketPath, '\n');
  expect(openOwnerTicket(folder).length).toBeGreaterThan(32);
});

test('Welcome with its jobs is made once, and not again after a person removed it', async () => {
  await makeWelcome({ store, clock, folder });
  await makeWelcome({ store, clock, folder });
  expect(await store.read.selectFrom('project').select('name').execute()).toEqual([{ name: 'Welcome' }]);
  expect(await store.read.selectFrom('job').select('name').orderBy('name').execute()).toEqual(
    SAMPLE_JOBS.map(({ name }) => ({ name })).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
  await store.write((tx) => tx.deleteFrom('job').execute());
  await store.write((tx) => tx.deleteFrom('project').execute());
  await makeWelcome({ store, clock, folder });
  expect(await store.read.selectFrom('project').select('name').execute()).toEqual([]);
});

test('the password of admin is said once and kept only as a hash', async () => {
  const password = await makeAdmin({ store, clock, folder });
  expect(password).toMatch(/^([a-z2-9]{5}-){3}[a-z2-9]{5}$/);
  const { password_hash } = await store.read
    .selectFrom('account')
    .selectAll()
    .where('name', '=', 'admin')
    .executeTakeFirstOrThrow();
  expect(password_hash).not.toContain(password);
  expect(await isPassword(password ?? '', password_hash)).toBe(true);
  expect(await makeAdmin({ store, clock, folder })).toBeNull();
});

test.skipIf(process.platform === 'win32')(
  'the scripts of the sample jobs are sound for a plain shell (needs sh)',
  () => {
    for (const job of SAMPLE_JOBS) {
      for (const step of job.workflow.steps)
        execFileSync('sh', ['-n', '-c', step.type === 'script' ? step.script : step.command]);
    }
  },
);
