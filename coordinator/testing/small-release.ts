import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { constants, crc32, deflateRawSync } from 'node:zlib';
import { PLATFORM_TARGETS, type PlatformTarget } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE, type ReleaseManifest, releaseBytes } from '../../protocol/release.ts';

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Leaves a release as a build does, signed with a key of its own, of one small executable for each of `targets`. */
export async function writeSmallRelease(
  folder: string,
  executable: Buffer,
  targets: readonly PlatformTarget[] = PLATFORM_TARGETS,
): Promise<ReleaseManifest> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const manifest: ReleaseManifest = {
    format: 1,
    productVersion: '1.2.3',
    protocolVersion: 1,
    builtAt: '2026-11-23T00:00:00.000Z',
    development: true,
    key: { id: sha256(raw).slice(0, 16), publicKey: raw.toString('base64url') },
    executables: await Promise.all(targets.map((target) => released(folder, target, executable))),
  };
  const signature = sign(null, releaseBytes(manifest), privateKey).toString('base64url');
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ manifest, signature }));
  return manifest;
}

async function released(folder: string, target: PlatformTarget, executable: Buffer) {
  await mkdir(join(folder, target), { recursive: true });
  await writeFile(join(folder, target, 'agent'), executable);
  const encoding = AGENT_TARGET_TABLE[target].archive === 'zip' ? 'deflate-raw' : 'gzip';
  const packed = encoding === 'gzip' ? paddedGzip(executable) : deflateRawSync(executable);
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

/** One gzip member of the executable and its padding, with a flush in between, as the build makes it. */
export function paddedGzip(executable: Buffer): Buffer {
  const padding = Buffer.alloc((512 - (executable.length % 512)) % 512);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(padding, crc32(executable)), 0);
  trailer.writeUInt32LE(executable.length + padding.length, 4);
  return Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff]),
    deflateRawSync(executable, { finishFlush: constants.Z_FULL_FLUSH }),
    deflateRawSync(padding),
    trailer,
  ]);
}
