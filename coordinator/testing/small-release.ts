import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { PLATFORM_TARGETS, type PlatformTarget } from '../../protocol/enrolment.ts';
import {
  AGENT_TARGET_TABLE,
  type PlatformSignature,
  type ReleaseManifest,
  releaseBytes,
} from '../../protocol/release.ts';
import { RELEASE_NAMESPACE, sshSignedBytes } from '../../protocol/ssh-signature.ts';

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Leaves a release as a build does, signed with a key of its own, of one small executable for each of `targets`. */
export async function writeSmallRelease(
  folder: string,
  executable: Buffer,
  targets: readonly PlatformTarget[] = PLATFORM_TARGETS,
  productVersion = '1.2.3',
  signatures: Partial<Record<PlatformTarget, PlatformSignature>> = {},
): Promise<ReleaseManifest> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const manifest: ReleaseManifest = {
    format: 1,
    productVersion,
    protocolVersion: 1,
    builtAt: '2026-11-23T00:00:00.000Z',
    development: true,
    key: { id: sha256(raw).slice(0, 16), publicKey: raw.toString('base64url') },
    documents: [await document(folder, 'LICENSES.txt', 'MIT, and others.\n')],
    executables: await Promise.all(
      targets.map(async (target) => {
        const platformSignature = signatures[target];
        const one = await released(folder, target, executable);
        return platformSignature === undefined ? one : { ...one, platformSignature };
      }),
    ),
  };
  // A later build may sign what this version does not know.
  const later = { ...manifest, anotherField: { of: 'a later build' } };
  const bytes = releaseBytes(later);
  const sshBytes = sshSignedBytes(RELEASE_NAMESPACE, createHash('sha512').update(bytes).digest());
  const by = (what: Uint8Array) => sign(null, what, privateKey).toString('base64url');
  const release = { manifest: later, signature: by(bytes), sshSignature: by(sshBytes) };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(release));
  return manifest;
}

async function document(folder: string, file: string, text: string) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, file), text);
  return { file, size: Buffer.byteLength(text), sha256: sha256(Buffer.from(text)) };
}

async function released(folder: string, target: PlatformTarget, executable: Buffer) {
  await mkdir(join(folder, target), { recursive: true });
  await writeFile(join(folder, target, 'agent'), executable);
  const padded = Buffer.concat([executable, Buffer.alloc((512 - (executable.length % 512)) % 512)]);
  const encoding = AGENT_TARGET_TABLE[target].archive === 'zip' ? 'deflate-raw' : 'gzip';
  const packed = encoding === 'gzip' ? gzipSync(padded) : deflateRawSync(executable);
  const file = `${target}/body.${encoding === 'gzip' ? 'gz' : 'deflate'}`;
  await writeFile(join(folder, file), packed);
  return {
    target,
    file: `${target}/agent`,
    size: executable.length,
    sha256: sha256(executable),
    crc32: crc32(executable),
    nodeVersion: '24.21.0',
    compressed: { file, encoding, size: packed.length, sha256: sha256(packed) },
  } as const;
}
