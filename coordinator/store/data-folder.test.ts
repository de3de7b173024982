import { spawn } from 'node:child_process';
import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { EnrolmentTokenSchema } from '../../protocol/enrolment.ts';
import { PublicKeySchema, SignatureSchema } from '../../protocol/trust-fields.ts';
import { openDataFolder, readAnnouncement } from './data-folder.ts';

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'outrunner-data-')), 'data');
});
afterEach(() => rm(join(path, '..'), { recursive: true, force: true }));

const running = { url: 'http://127.0.0.1:4440', pid: 7 };

it('makes the folder with everything in it readable by its user alone', async () => {
  const folder = openDataFolder(path);
  folder.announce(running);
  folder.writePrivate('owner.ticket', 'secret');
  const files = ['owner.ticket', 'coordinator.json', 'lock', 'keys/coordinator-ed25519.pem', 'keys/enrolment-secret'];
  for (const file of files) expect([file, (await stat(join(path, file))).mode & 0o777]).toEqual([file, 0o600]);
  for (const one of ['', 'keys', 'journals']) expect((await stat(join(path, one))).mode & 0o777).toBe(0o700);
  expect(readAnnouncement(path)).toEqual(running);
  folder.release();
  expect(readAnnouncement(path)).toBeNull();
});

it('tightens a private file that was left open to others', async () => {
  const folder = openDataFolder(path);
  await writeFile(join(path, 'owner.ticket'), 'old', { mode: 0o644 });
  folder.writePrivate('owner.ticket', 'new');
  expect((await stat(folder.ownerTicketPath)).mode & 0o777).toBe(0o600);
  expect(await readFile(folder.ownerTicketPath, 'utf8')).toBe('new');
  folder.release();
});

it('keeps its keys over restarts and in a copy of the folder', async () => {
  const first = openDataFolder(path);
  const { publicKey } = first.keys;
  const token = first.keys.enrolmentToken('7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10');
  first.release();
  await cp(path, `${path}-copy`, { recursive: true });
  const second = openDataFolder(path);
  const copy = openDataFolder(`${path}-copy`);
  for (const { keys } of [second, copy]) {
    expect(keys.publicKey).toBe(publicKey);
    expect(keys.enrolmentToken('7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a10')).toBe(token);
  }
  expect(EnrolmentTokenSchema.parse(token)).not.toBe(
    second.keys.enrolmentToken('7f1f3f7e-3f0e-4f9e-8d7c-0d8f4f6b2a11'),
  );
  second.release();
  copy.release();
});

it('signs so that its public key verifies', () => {
  const folder = openDataFolder(path);
  const signature = SignatureSchema.parse(folder.keys.sign('grüße'));
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: PublicKeySchema.parse(folder.keys.publicKey) },
    format: 'jwk',
  });
  expect(verify(null, Buffer.from('grüße'), key, Buffer.from(signature, 'base64url'))).toBe(true);
  folder.release();
});

it('refuses a second coordinator and says who has the folder', () => {
  const folder = openDataFolder(path);
  folder.announce(running);
  expect(() => openDataFolder(path)).toThrow(/in use by the coordinator at http:\/\/127\.0\.0\.1:4440 \(process 7\)/);
  folder.release();
  openDataFolder(path).release();
});

it('refuses it from another process too, and is free at once when that one is killed', async () => {
  const program = join(import.meta.dirname, 'test-programs', 'hold-data-folder.ts');
  // The program refers to the lock nowhere and collects its garbage all the time: it must be held all the same.
  const child = spawn(process.execPath, ['--expose-gc', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  expect(() => openDataFolder(path)).toThrow(/in use/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  openDataFolder(path).release();
});

it('says which key is damaged', async () => {
  openDataFolder(path).release();
  await writeFile(join(path, 'keys', 'coordinator-ed25519.pem'), 'no key');
  expect(() => openDataFolder(path)).toThrow(/coordinator-ed25519\.pem is damaged/);
  await rm(join(path, 'keys', 'coordinator-ed25519.pem'));
  await writeFile(join(path, 'keys', 'enrolment-secret'), 'short');
  expect(() => openDataFolder(path)).toThrow(/enrolment-secret is damaged/);
});

it('says in one line that a file is where the folder should be', async () => {
  await writeFile(path, '');
  expect(() => openDataFolder(path)).toThrow(
    expect.objectContaining({ kind: 'data', message: expect.stringMatching(/a file is in the way/) }),
  );
});

it('takes a torn announcement for none', async () => {
  const folder = openDataFolder(path);
  await writeFile(join(path, 'coordinator.json'), '{"url": "http');
  expect(readAnnouncement(path)).toBeNull();
  folder.release();
});
