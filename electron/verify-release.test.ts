import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type ReleaseManifest, releaseBytes } from '../protocol/release.ts';
import { verifyRelease } from './verify-release.ts';

function releaseBy(
  pair = generateKeyPairSync('ed25519'),
  more: Partial<ReleaseManifest> & Record<string, unknown> = {},
) {
  const publicKey = pair.publicKey.export({ format: 'jwk' }).x ?? '';
  const manifest: ReleaseManifest = {
    format: 1,
    productVersion: '1.2.3',
    protocolVersion: 1,
    builtAt: '2026-11-23T00:00:00.000Z',
    development: false,
    key: { id: '0123456789abcdef', publicKey },
    executables: [],
    ...more,
  };
  const signature = sign(null, releaseBytes(manifest), pair.privateKey).toString('base64url');
  return { text: JSON.stringify(manifest), signature, publicKey };
}

const refused = expect.objectContaining({ code: 'download-refused' });

describe('the signature of a release', () => {
  it('is taken when the trusted key made it', () => {
    const { text, signature, publicKey } = releaseBy();
    expect(verifyRelease(text, signature, publicKey)).toMatchObject({
      development: false,
      manifest: { productVersion: '1.2.3' },
    });
  });

  it('is refused when another key made it, also one that the manifest itself names', () => {
    const ours = releaseBy();
    const theirs = releaseBy();
    expect(() => verifyRelease(theirs.text, theirs.signature, ours.publicKey)).toThrow(refused);
  });

  it('is refused when anything in the manifest was changed', () => {
    const { text, signature, publicKey } = releaseBy();
    expect(() => verifyRelease(text.replace('1.2.3', '1.2.4'), signature, publicKey)).toThrow(refused);
    expect(() => verifyRelease(text, signature, null)).not.toThrow();
    expect(() => verifyRelease(text.replace('1.2.3', '1.2.4'), signature, null)).toThrow(refused);
    expect(() => verifyRelease('{"half":', signature, publicKey)).toThrow(refused);
  });

  it('covers fields that this version does not know yet', () => {
    const { text, signature, publicKey } = releaseBy(undefined, { later: { b: 1, a: 2 } });
    expect(() => verifyRelease(text, signature, publicKey)).not.toThrow();
    expect(() => verifyRelease(text.replace('"a":2', '"a":3'), signature, publicKey)).toThrow(refused);
  });

  it('counts as development without a trusted key, and when the release says so of itself', () => {
    const { text, signature } = releaseBy();
    expect(verifyRelease(text, signature, null).development).toBe(true);
    const own = releaseBy(undefined, { development: true });
    expect(verifyRelease(own.text, own.signature, own.publicKey).development).toBe(true);
  });
});
