import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { hostTarget, provideBaseRuntime } from '../../build/agents/base-runtime.ts';
import { withPreparedRuntime } from '../../build/agents/finish-executable.ts';
import { pkgPacker } from '../../build/agents/pkg-packer.ts';
import { DEVELOPMENT_KEY, loadReleaseKey, type ReleaseKey, signRelease } from '../../build/agents/release-key.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE, type ReleaseManifest } from '../../protocol/release.ts';
import { PRODUCT_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** What is wrong with a release that hosts must not end on. */
export type Fault = 'crashes' | 'hangs' | 'cannot-connect' | 'wrong-key' | 'cannot-run';

/**
 * An executable of another version: the agent's own bundle with its version changed, behind a line of shell. All of the agent
 * in it is real; a packed one is tested once, since packing each takes ten seconds. `ballast`: so many bytes more, which do
 * not get smaller when they are compressed, for downloads that take a while.
 */
export async function makeVersion(folder: string, version: string, fault?: Fault, ballast = 0): Promise<string> {
  await mkdir(folder, { recursive: true });
  const original = await readFile(path.join(root, 'dist/agent/agent.cjs'), 'utf8');
  // The bundler has written the constant out where it is used.
  const bundle = original.replaceAll(`\`${PRODUCT_VERSION}\``, `\`${version}\``);
  if (bundle === original) throw new Error('The version is not where it was in the bundle.');
  const program = path.join(folder, `agent-${version}.cjs`);
  await writeFile(program, bundle);
  const node = `exec "${process.execPath}" "${program}" "$@"`;
  const instead: Record<Fault, string> = {
    crashes: `[ "$1" = run ] && { echo broken >&2; exit 3; }\n${node}`,
    hangs: `[ "$1" = run ] && exec sleep 1000\n${node}`,
    'cannot-connect': `[ "$1" = run ] && export OUTRUNNER_COORDINATOR_URL=http://127.0.0.1:9\n${node}`,
    'wrong-key': node,
    'cannot-run': 'echo "version GLIBC_9.99 not found" >&2; exit 1',
  };
  const executable = path.join(folder, `outrunner-agent-${version}`);
  // The shell has become another program before it comes to the ballast.
  const lines = Buffer.from(`#!/bin/sh\n${fault === undefined ? node : instead[fault]}\n`);
  await writeFile(executable, Buffer.concat([lines, randomBytes(ballast)]));
  await chmod(executable, 0o755);
  return executable;
}

/** The same as one packed executable, as a release has it; one that `crashes` can still say its version. */
export async function packVersion(folder: string, version: string, fault?: 'crashes'): Promise<string> {
  await makeVersion(folder, version);
  const base = await provideBaseRuntime(hostTarget(), () => undefined);
  const output = path.join(folder, `packed-${version}`);
  const bundle = path.join(folder, `agent-${version}.cjs`);
  if (fault !== undefined) {
    const broken = `if (process.argv[2] === 'run') { console.error('broken'); process.exit(3); }\n`;
    await writeFile(bundle, broken + (await readFile(bundle, 'utf8')));
  }
  await withPreparedRuntime(base, (prepared) =>
    pkgPacker.pack({ target: hostTarget(), bundle, base: { ...base, path: prepared }, output }),
  );
  return output;
}

/**
 * Lays a release out as `npm run build:agents` does, with this one executable for this host, or as if it were for `target`,
 * signed by the development key.
 */
export async function publish(
  agents: string,
  version: string,
  executable: string,
  key?: ReleaseKey,
  target: PlatformTarget = hostTarget(),
): Promise<void> {
  const content = await readFile(executable);
  const encoding = AGENT_TARGET_TABLE[target].archive === 'zip' ? 'deflate-raw' : 'gzip';
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  const packed =
    encoding === 'gzip'
      ? gzipSync(Buffer.concat([content, padding]), { level: 1 })
      : deflateRawSync(content, { level: 1 });
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  await mkdir(path.join(agents, target), { recursive: true });
  const file = `${target}/${AGENT_TARGET_TABLE[target].executable}`;
  const compressed = `${target}/${sha256(content).slice(0, 16)}.${encoding === 'gzip' ? 'gz' : 'deflate'}`;
  await writeFile(path.join(agents, file), content);
  await writeFile(path.join(agents, compressed), packed);
  const signer = key ?? (await loadReleaseKey({}, DEVELOPMENT_KEY));
  const manifest: ReleaseManifest = {
    format: 1,
    productVersion: version,
    protocolVersion: PROTOCOL_VERSION,
    builtAt: new Date().toISOString(),
    development: signer.development,
    key: { id: signer.id, publicKey: signer.publicKey },
    executables: [
      {
        target,
        file,
        size: content.length,
        sha256: sha256(content),
        crc32: crc32(content),
        nodeVersion: process.versions.node,
        compressed: { file: compressed, encoding, size: packed.length, sha256: sha256(packed) },
      },
    ],
  };
  await writeFile(path.join(agents, 'manifest.json'), JSON.stringify(signRelease(manifest, signer)));
}
