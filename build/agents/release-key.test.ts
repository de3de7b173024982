import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReleaseManifest, ReleaseManifestSchema, SignedReleaseSchema } from '../../protocol/release.ts';
import { isSignedByItsKey, loadReleaseKey, type ReleaseKey, signRelease } from './release-key.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrunner-key-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const manifestFor = (key: ReleaseKey): ReleaseManifest =>
  ReleaseManifestSchema.parse({
    format: 1,
    productVersion: '0.1.0',
    protocolVersion: 1,
    builtAt: '2026-11-23T00:00:00.000Z',
    development: key.development,
    key: { id: key.id, publicKey: key.publicKey },
    executables: [],
  });

describe('the release key', () => {
  it('is made once when none is given, readable by its owner alone, and marked as a development key', async () => {
    const own = join(folder, 'made', 'key.pem');
    const [first, again] = await Promise.all([loadReleaseKey({}, own), loadReleaseKey({}, own)]);
    expect(again.id).toBe(first.id);
    expect(first.development).toBe(true);
    if (process.platform !== 'win32') expect((await stat(own)).mode & 0o777).toBe(0o600);
    expect(await readFile(own, 'utf8')).toContain('BEGIN PRIVATE KEY');
  });

  it('is taken from OUTRUNNER_RELEASE_KEY, and then it is no development key', async () => {
    const path = join(folder, 'given.pem');
    await writeFile(path, generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const key = await loadReleaseKey({ OUTRUNNER_RELEASE_KEY: path }, join(folder, 'never-made.pem'));
    expect(key.development).toBe(false);
    expect(key.id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('is refused, with its path, when it is missing, no key, or of another kind', async () => {
    const rsa = join(folder, 'rsa.pem');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(rsa, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await expect(loadReleaseKey({ OUTRUNNER_RELEASE_KEY: rsa })).rejects.toThrow(/rsa; it has to be Ed25519/);
    const text = join(folder, 'text.pem');
    await writeFile(text, 'not a key');
    await expect(loadReleaseKey({ OUTRUNNER_RELEASE_KEY: text })).rejects.toThrow(text);
    await expect(loadReleaseKey({ OUTRUNNER_RELEASE_KEY: join(folder, 'none') })).rejects.toThrow('none');
  });
});

describe('a signed release', () => {
  it('verifies after a round trip through its file, and not when anything in it was changed', async () => {
    const key = await loadReleaseKey({}, join(folder, 'key.pem'));
    const release = SignedReleaseSchema.parse(JSON.parse(JSON.stringify(signRelease(manifestFor(key), key))));
    expect(isSignedByItsKey(release)).toBe(true);
    for (const change of [
      { productVersion: '0.1.1' },
      { development: false },
      { builtAt: '2026-11-24T00:00:00.000Z' },
    ]) {
      expect(isSignedByItsKey({ ...release, manifest: { ...release.manifest, ...change } })).toBe(false);
    }
  });

  it('is signed for OpenSSH as well; a wrong such signature counts as none of it, an absent one as that of an older build', async () => {
    const key = await loadReleaseKey({}, join(folder, 'key.pem'));
    const release = signRelease(manifestFor(key), key);
    const { sshSignature, ...older } = release;
    expect(sshSignature).not.toBe(release.signature);
    expect(isSignedByItsKey(older)).toBe(true);
    expect(isSignedByItsKey({ ...release, sshSignature: release.signature })).toBe(false);
    const other = signRelease({ ...manifestFor(key), productVersion: '0.1.1' }, key);
    expect(isSignedByItsKey({ ...release, sshSignature: other.sshSignature })).toBe(false);
  });

  it('is taken by readers that know nothing of its SSH signature', async () => {
    const key = await loadReleaseKey({}, join(folder, 'key.pem'));
    const release = signRelease(manifestFor(key), key);
    const OlderSchema = SignedReleaseSchema.omit({ sshSignature: true });
    const read = OlderSchema.parse(JSON.parse(JSON.stringify(release)));
    expect(read).toEqual({ manifest: release.manifest, signature: release.signature });
    expect(isSignedByItsKey(read)).toBe(true);
  });
});
