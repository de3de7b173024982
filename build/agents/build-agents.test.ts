import { createHash } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { executableFor, SignedReleaseSchema } from '../../protocol/release.ts';
import { PRODUCT_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';
import { withBuildLock } from '../build-lock.ts';
import { AGENTS_OUT } from '../paths.ts';
import { hostTarget } from './base-runtime.ts';
import { buildAgents } from './build-agents.ts';
import { isSignedByItsKey } from './release-key.ts';

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
const MANIFEST = join(AGENTS_OUT, 'manifest.json');
const readManifest = () => readFile(MANIFEST, 'utf8');

/** Builds where `npm start` and `npm test` build, so that it costs nothing when they already did. */
async function build(): Promise<string[]> {
  const lines: string[] = [];
  await withBuildLock(
    () => undefined,
    () => buildAgents([hostTarget()], (line) => lines.push(line)),
  );
  return lines;
}

it('lists what is there, signed, and leaves it alone when nothing changed', async () => {
  await build();
  const text = await readManifest();
  const release = SignedReleaseSchema.parse(JSON.parse(text));
  expect(isSignedByItsKey(release)).toBe(true);
  expect(release.manifest.productVersion).toBe(PRODUCT_VERSION);
  expect(release.manifest.protocolVersion).toBe(PROTOCOL_VERSION);

  const entry = executableFor(release.manifest, hostTarget());
  if (!entry) throw new Error('the manifest does not list the target of this host');
  const executable = await readFile(join(AGENTS_OUT, entry.file));
  expect(executable.length).toBe(entry.size);
  expect(sha256(executable)).toBe(entry.sha256);
  const compressed = await readFile(join(AGENTS_OUT, entry.compressed.file));
  expect(sha256(compressed)).toBe(entry.compressed.sha256);
  const plain = entry.compressed.encoding === 'gzip' ? gunzipSync(compressed) : inflateRawSync(compressed);
  expect(sha256(plain.subarray(0, entry.size))).toBe(entry.sha256);
  expect(entry.platformSignature?.kind).toBe(process.platform === 'darwin' ? 'ad-hoc' : 'none');
  expect(release.manifest.documents?.map((each) => each.file)).toEqual(['sbom.cdx.json', 'LICENSES.txt']);
  for (const document of release.manifest.documents ?? []) {
    expect(sha256(await readFile(join(AGENTS_OUT, document.file))), document.file).toBe(document.sha256);
  }

  expect(await build()).toEqual([`${hostTarget()}: up to date`]);
  expect(await readManifest()).toBe(text);

  // As a build left it that made no signature for SSH.
  const { manifest, signature } = release;
  await writeFile(`${MANIFEST}.older`, JSON.stringify({ manifest, signature }));
  await rename(`${MANIFEST}.older`, MANIFEST);
  await build();
  const again = SignedReleaseSchema.parse(JSON.parse(await readManifest()));
  expect([isSignedByItsKey(again), again.sshSignature]).toEqual([true, expect.any(String)]);
  expect({ ...again.manifest, builtAt: manifest.builtAt }).toEqual(manifest);
}, 180_000);
