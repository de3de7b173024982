import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { safeStorageSealer } from './safe-storage-sealer.ts';
import { openTokenVault, type Sealer } from './token-vault.ts';

let folder: string;
let path: string;
const reports: string[] = [];
const report = (message: string) => void reports.push(message);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-vault-'));
  path = join(folder, 'tokens.json');
  reports.length = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A key store like that of an operating system: real encryption under one key; rotated keys still open, and say stale. */
function keyStore(available = true): Sealer & { rotate(): void } {
  const keys = [randomBytes(32)];
  const crypt = (key: Buffer, text: string) => {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, iv);
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), body]);
  };
  return {
    rotate: () => void keys.unshift(randomBytes(32)),
    available: async () => available,
    seal: async (text) => crypt(keys[0] as Buffer, text),
    async open(sealed) {
      const bytes = Buffer.from(sealed);
      for (const [index, key] of keys.entries()) {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
        decipher.setAuthTag(bytes.subarray(12, 28));
        try {
          const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
          return { text, stale: index > 0 };
        } catch (error) {
          if (index === keys.length - 1) throw error;
        }
      }
      throw new Error('no key');
    },
  };
}

describe('the token vault', () => {
  it('keeps a token over a restart, and never in plain text', async () => {
    const store = keyStore();
    const vault = await openTokenVault(path, store, report);
    expect(await vault.set('remote-1', 'secret-token')).toBe(true);
    expect(await readFile(path, 'utf8')).not.toContain('secret-token');
    const again = await openTokenVault(path, store, report);
    expect(again.get('remote-1')).toBe('secret-token');
    expect(again.remembered('remote-1')).toBe(true);
    await again.delete('remote-1');
    expect((await openTokenVault(path, store, report)).get('remote-1')).toBeUndefined();
  });

  it('keeps tokens in memory alone when there is no safe store, and says so', async () => {
    const store = keyStore(false);
    const vault = await openTokenVault(path, store, report);
    expect(await vault.set('remote-1', 'secret-token')).toBe(false);
    expect(vault.get('remote-1')).toBe('secret-token');
    expect(vault.remembered('remote-1')).toBe(false);
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await openTokenVault(path, store, report)).get('remote-1')).toBeUndefined();
  });

  it('seals again when the key was rotated', async () => {
    const store = keyStore();
    await (await openTokenVault(path, store, report)).set('remote-1', 'secret-token');
    const before = await readFile(path, 'utf8');
    store.rotate();
    expect((await openTokenVault(path, store, report)).get('remote-1')).toBe('secret-token');
    expect(await readFile(path, 'utf8')).not.toBe(before);
  });

  it('forgets what it cannot open, names the profile and keeps the others', async () => {
    await (await openTokenVault(path, keyStore(), report)).set('lost', 'secret-token');
    const store = keyStore();
    const vault = await openTokenVault(path, store, report);
    expect(vault.get('lost')).toBeUndefined();
    expect(reports.join()).toContain('lost');
    expect(reports.join()).not.toContain('secret-token');
    await vault.set('kept', 'other-token');
    expect((await openTokenVault(path, store, report)).get('kept')).toBe('other-token');
  });
});

describe('Electron’s store as a sealer', () => {
  type Backend = ReturnType<Parameters<typeof safeStorageSealer>[0]['getSelectedStorageBackend']>;
  const storage = (backend: Backend, available = true) => ({
    isAsyncEncryptionAvailable: async () => available,
    getSelectedStorageBackend: () => backend,
    encryptStringAsync: async (text: string) => Buffer.from(text).reverse(),
    decryptStringAsync: async (sealed: Buffer) => ({
      result: Buffer.from(sealed).reverse().toString(),
      shouldReEncrypt: true,
    }),
  });

  it('does not count as safe on Linux without a key ring', async () => {
    expect(await safeStorageSealer(storage('basic_text'), 'linux').available()).toBe(false);
    expect(await safeStorageSealer(storage('unknown'), 'linux').available()).toBe(false);
    expect(await safeStorageSealer(storage('gnome_libsecret'), 'linux').available()).toBe(true);
    expect(await safeStorageSealer(storage('unknown'), 'darwin').available()).toBe(true);
    expect(await safeStorageSealer(storage('kwallet6', false), 'linux').available()).toBe(false);
  });

  it('passes on that the key was rotated', async () => {
    const sealer = safeStorageSealer(storage('kwallet6'), 'linux');
    expect(await sealer.open(await sealer.seal('abc'))).toEqual({ text: 'abc', stale: true });
  });
});
