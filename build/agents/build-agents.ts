import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { glob, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PLATFORM_TARGETS, type PlatformTarget } from '../../protocol/enrolment.ts';
import {
  AGENT_TARGET_TABLE,
  type PlatformSignature,
  type ReleasedExecutable,
  ReleasedExecutableSchema,
  type ReleaseManifest,
  releaseBytes,
  SignedReleaseSchema,
} from '../../protocol/release.ts';
import { PRODUCT_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';
import { BUNDLES, bundle } from '../bundle.ts';
import { AGENTS_OUT, DIST } from '../paths.ts';
import { type BaseRuntime, type NodeFacts, nodeFacts, provideBaseRuntime } from './base-runtime.ts';
import { BuildError } from './build-error.ts';
import { bundledPackages } from './bundled-packages.ts';
import { checkBaseSignature } from './check-base-signature.ts';
import { compressExecutable, fillLastBlock, LAST_BLOCK_FILLED } from './compress.ts';
import {
  describeSignature,
  finishingInputs,
  signedOnAMac,
  signForPlatform,
  withPreparedRuntime,
} from './finish-executable.ts';
import { type Packer, RUNTIME_FLAGS, RUNTIME_FLAGS_FROM_OUTSIDE } from './packer.ts';
import { pkgPacker } from './pkg-packer.ts';
import { writeReleaseDocuments } from './release-documents.ts';
import { isSignedByItsKey, loadReleaseKey, signRelease } from './release-key.ts';
import { releaseTrust, trustDefinitions } from './release-trust.ts';

/** Says one line of progress. */
export type Report = (line: string) => void;

const MANIFEST = join(AGENTS_OUT, 'manifest.json');

/** `build.json` in the folder of a target: what its executable was made of, so that it is not made again for nothing. */
const BuildRecordSchema = z.object({
  inputs: z.string(),
  bundleSha256: z.string(),
  executable: ReleasedExecutableSchema,
});
type BuildRecord = z.infer<typeof BuildRecordSchema>;

/**
 * Builds the executables of `targets` into `dist/agents/`, and signs a manifest of all targets that are made of the present
 * source. What is up to date is left as it is, byte for byte.
 * @throws BuildError when a runtime is missing or the packer fails.
 */
export async function buildAgents(targets: readonly PlatformTarget[], report: Report): Promise<void> {
  const packer = pkgPacker;
  // All of what is needed is looked for before the first minute is spent.
  const bases: BaseRuntime[] = [];
  for (const target of targets) bases.push(await provideBaseRuntime(target, report));
  const key = await loadReleaseKey();
  const bundlePath = join(DIST, BUNDLES.agent.output);
  const modules = await bundle(BUNDLES.agent, bundlePath, trustDefinitions(releaseTrust(key)));
  const bundleSha256 = await sha256File(bundlePath);
  for (const base of bases) await buildTarget(base, packer, bundlePath, bundleSha256, report);
  const executables = await currentExecutables(bundleSha256, report);
  const nodes: NodeFacts[] = [];
  for (const version of [...new Set(executables.map((each) => each.nodeVersion))].sort()) {
    nodes.push(await nodeFacts(version, report));
  }
  const documents = await writeReleaseDocuments({ packages: await bundledPackages(modules), nodes, executables });
  const content = {
    format: 1 as const,
    productVersion: PRODUCT_VERSION,
    protocolVersion: PROTOCOL_VERSION,
    development: key.development,
    key: { id: key.id, publicKey: key.publicKey },
    executables,
    documents,
  };
  if (await isManifestOf(content)) return;
  const release = signRelease({ ...content, builtAt: buildTime().toISOString() }, key);
  await writeWhole(MANIFEST, `${JSON.stringify(release, null, 2)}\n`);
  const kind = key.development ? 'development key' : 'release key';
  report(`manifest: ${executables.map((each) => each.target).join(', ')}; signed with ${kind} ${key.id}`);
}

async function buildTarget(
  base: BaseRuntime,
  packer: Packer,
  bundlePath: string,
  bundleSha256: string,
  report: Report,
): Promise<void> {
  const { target } = base;
  const row = AGENT_TARGET_TABLE[target];
  const folder = join(AGENTS_OUT, target);
  const inputs = hashOf([
    packer.name,
    base.version,
    bundleSha256,
    base.sha256,
    ...RUNTIME_FLAGS,
    RUNTIME_FLAGS_FROM_OUTSIDE,
    LAST_BLOCK_FILLED,
    await finishingInputs(target),
  ]);
  const known = await readRecord(target);
  if (known?.inputs === inputs && (await isWhole(known.executable))) {
    report(`${target}: up to date`);
    return;
  }
  report(`${target}: ${await checkBaseSignature(base)}`);
  report(`${target}: packing with Node ${base.version} (${packer.name})`);
  // The old record goes first: half a build must never look like a whole one.
  await rm(join(folder, 'build.json'), { force: true });
  await mkdir(folder, { recursive: true });
  const file = `${target}/${row.executable}`;
  const unfinished = join(folder, `${row.executable}.unfinished`);
  const platformSignature = await withPreparedRuntime(base, async (path) => {
    await packer.pack({ target, bundle: bundlePath, base: { ...base, path }, output: unfinished });
    return signForPlatform(target, unfinished);
  });
  report(`${target}: ${describeSignature(platformSignature)}`);
  await rename(unfinished, join(AGENTS_OUT, file));
  if (row.platform === 'linux') await fillLastBlock(join(AGENTS_OUT, file));

  await finishTarget({ base, inputs, bundleSha256, platformSignature }, report);
}

/** What is known of an executable that lies in its place, whole and signed. */
interface FinishedExecutable {
  readonly base: Pick<BaseRuntime, 'target' | 'version'>;
  readonly inputs: string;
  readonly bundleSha256: string;
  readonly platformSignature: PlatformSignature;
}

/** Compresses the executable of a target and writes down what it was made of. */
async function finishTarget(
  { base: { target, version }, inputs, bundleSha256, platformSignature }: FinishedExecutable,
  report: Report,
): Promise<void> {
  const row = AGENT_TARGET_TABLE[target];
  const folder = join(AGENTS_OUT, target);
  const file = `${target}/${row.executable}`;
  report(`${target}: compressing`);
  const encoding = row.archive === 'zip' ? 'deflate-raw' : 'gzip';
  const temporary = join(folder, 'compressed');
  const measured = await compressExecutable(join(AGENTS_OUT, file), temporary, encoding);
  // Named after its content: a download that goes on while a new build appears still reads the file that it began with.
  const compressedFile = `${target}/${measured.sha256.slice(0, 16)}.${encoding === 'gzip' ? 'gz' : 'deflate'}`;
  await rename(temporary, join(AGENTS_OUT, compressedFile));
  for await (const old of glob(`${target}/*.{gz,deflate}`, { cwd: AGENTS_OUT })) {
    if (join(old) !== join(compressedFile)) await rm(join(AGENTS_OUT, old), { force: true });
  }
  const record: BuildRecord = {
    inputs,
    bundleSha256,
    executable: {
      target,
      file,
      size: measured.size,
      sha256: measured.sha256,
      crc32: measured.crc32,
      nodeVersion: version,
      compressed: {
        file: compressedFile,
        encoding,
        size: measured.compressedSize,
        sha256: measured.compressedSha256,
      },
      platformSignature,
    },
  };
  await writeWhole(join(folder, 'build.json'), `${JSON.stringify(record, null, 2)}\n`);
  report(`${target}: ${megabytes(measured.size)}, ${megabytes(measured.compressedSize)} to download`);
}

/**
 * Takes the executable of a Mac target back that `sign-on-a-mac.sh` has signed, in place of the one that was built here, and
 * signs a manifest that lists it.
 * @throws BuildError when it is another program, or its signature names nobody.
 */
export async function takeSignedMac(target: PlatformTarget, path: string, report: Report): Promise<void> {
  const known = await readRecord(target);
  if (!known || AGENT_TARGET_TABLE[target].platform !== 'darwin') {
    throw new BuildError(`${target}: there is no executable for macOS to replace; build it first.`);
  }
  const { executable, inputs, bundleSha256 } = known;
  const place = join(AGENTS_OUT, executable.file);
  const signed = await readFile(path);
  const platformSignature = signedOnAMac(await readFile(place), signed);
  await rm(join(AGENTS_OUT, target, 'build.json'), { force: true });
  await writeFile(`${place}.unfinished`, signed, { mode: 0o755 });
  await rename(`${place}.unfinished`, place);
  const base = { target, version: executable.nodeVersion };
  await finishTarget({ base, inputs, bundleSha256, platformSignature }, report);
  report(`${target}: ${describeSignature(platformSignature)}`);
  await buildAgents([], report);
}

/** What the manifest lists. A target that was made of other source is left out and named: a release is of one piece. */
async function currentExecutables(bundleSha256: string, report: Report): Promise<ReleasedExecutable[]> {
  const executables: ReleasedExecutable[] = [];
  for (const target of PLATFORM_TARGETS) {
    const record = await readRecord(target);
    if (!record) continue;
    if (record.bundleSha256 === bundleSha256 && (await isWhole(record.executable))) executables.push(record.executable);
    else report(`${target}: left out of the manifest, it is made of other source; build it again`);
  }
  return executables;
}

async function readRecord(target: PlatformTarget): Promise<BuildRecord | undefined> {
  const path = join(AGENTS_OUT, target, 'build.json');
  if (!existsSync(path)) return undefined;
  // A record of an older form is the same as none: the target is built again.
  const parsed = BuildRecordSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
  return parsed.success ? parsed.data : undefined;
}

async function isWhole(executable: ReleasedExecutable): Promise<boolean> {
  const wanted = [
    [executable.file, executable.size],
    [executable.compressed.file, executable.compressed.size],
  ] as const;
  for (const [file, size] of wanted) {
    const path = join(AGENTS_OUT, file);
    if (!existsSync(path) || (await stat(path)).size !== size) return false;
  }
  return true;
}

/** Whether the manifest on disk says exactly this and is properly signed, for SSH too; then its time of building stays. */
async function isManifestOf(content: Omit<ReleaseManifest, 'builtAt'>): Promise<boolean> {
  if (!existsSync(MANIFEST)) return false;
  const parsed = SignedReleaseSchema.safeParse(JSON.parse(await readFile(MANIFEST, 'utf8')));
  if (!parsed.success || parsed.data.sshSignature === undefined || !isSignedByItsKey(parsed.data)) return false;
  const present = parsed.data.manifest;
  return Buffer.from(releaseBytes(present)).equals(releaseBytes({ ...content, builtAt: present.builtAt }));
}

/** `SOURCE_DATE_EPOCH` (seconds), the convention of reproducible builds, or now. */
function buildTime(): Date {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  return epoch !== undefined && /^\d+$/.test(epoch) ? new Date(Number(epoch) * 1000) : new Date();
}

async function sha256File(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

function hashOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

async function writeWhole(path: string, content: string): Promise<void> {
  await writeFile(`${path}.unfinished`, content);
  await rename(`${path}.unfinished`, path);
}

function megabytes(size: number): string {
  return `${(size / 1e6).toFixed(1)} MB`;
}
