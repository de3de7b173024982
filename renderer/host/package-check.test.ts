import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { type ReleaseManifest, releaseBytes } from '../../protocol/release.ts';
import { checkPackage, type ReceivedPackage } from './package-check.ts';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes);
const before = Buffer.from('header of the archive ');
const executable = Buffer.from('the compressed executable');
const whole = Buffer.concat([before, executable, Buffer.from(' and the small files')]);

function released(): ReceivedPackage {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const manifest: ReleaseManifest = {
    format: 1,
    productVersion: '0.1.0',
    protocolVersion: 1,
    builtAt: '2026-11-23T20:00:00.000Z',
    development: true,
    key: { id: sha256(raw).digest('hex').slice(0, 16), publicKey: raw.toString('base64url') },
    executables: [
      {
        target: 'linux-x64',
        file: 'linux-x64/outrunner-agent',
        size: 100,
        sha256: 'a'.repeat(64),
        crc32: 1,
        nodeVersion: '24.21.0',
        compressed: {
          file: 'linux-x64/outrunner-agent.gz',
          encoding: 'gzip',
          size: executable.length,
          sha256: sha256(executable).digest('hex'),
        },
      },
    ],
  };
  return {
    bytes: new Uint8Array(whole),
    platform: 'linux-x64',
    contentDigest: `sha-256=:${sha256(whole).digest('base64')}:`,
    executableRange: `${before.length}-${before.length + executable.length - 1}`,
    manifest: JSON.stringify(manifest),
    signature: sign(null, releaseBytes(manifest), privateKey).toString('base64url'),
  };
}

test('a package whose digest, signature and executable fit is accepted, and a development key is told', async () => {
  const checked = await checkPackage(released());
  expect(checked).toEqual({ sha256: sha256(whole).digest('hex'), development: true });
});

test.each<[string, Partial<ReceivedPackage>, RegExp]>([
  ['other bytes than announced', { contentDigest: `sha-256=:${sha256(before).digest('base64')}:` }, /SHA-256/],
  ['no release', { manifest: null }, /no signed release/],
  ['a platform that the release does not have', { platform: 'win-x64' }, /no executable for win-x64/],
  ['no place of the executable', { executableRange: null }, /where in the package/],
  ['another executable than the signed one', { executableRange: `0-${executable.length - 1}` }, /not the one/],
  ['a signature by somebody else', { signature: released().signature }, /does not fit the release key/],
  ['a manifest that is no JSON', { manifest: '{' }, /cannot be read/],
])('%s is refused', async (_what, change, reason) => {
  await expect(checkPackage({ ...released(), ...change })).rejects.toMatchObject({
    code: 'download-refused',
    message: expect.stringMatching(reason),
  });
});

test('a manifest that was changed after it was signed is refused', async () => {
  const received = released();
  const manifest = received.manifest?.replace('0.1.0', '0.1.1') ?? '';
  await expect(checkPackage({ ...received, manifest })).rejects.toMatchObject({ code: 'download-refused' });
});
