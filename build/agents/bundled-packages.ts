import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../paths.ts';
import { BuildError } from './build-error.ts';

/** A package of npm of which something is in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As SPDX writes it. */
  readonly licence: string;
  readonly licenceText: string;
  /** SHA-512 of what npm delivered, hexadecimal; absent when the lockfile does not say. */
  readonly sha512?: string;
  /** Those of the bundled packages that it uses. */
  readonly uses: readonly string[];
}

const ManifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  author: z.union([z.string(), z.object({ name: z.string() })]).optional(),
  repository: z.union([z.string(), z.object({ url: z.string() })]).optional(),
  dependencies: z.record(z.string(), z.string()).default({}),
});
type Manifest = z.infer<typeof ManifestSchema>;

const LockSchema = z.object({ packages: z.record(z.string(), z.object({ integrity: z.string().optional() })) });

const LICENCE_FILE = /^(?:licen[cs]e|copying)(?:\.(?:md|txt))?$/i;

/**
 * The packages whose modules the bundler took in, by name. What is installed but was left out is not among them.
 * @throws BuildError when one of them does not say its licence, because then it must not be handed on.
 */
export async function bundledPackages(modules: readonly string[], root = ROOT): Promise<readonly BundledPackage[]> {
  const folders = [...new Set(modules.map(packageFolderOf).filter((folder) => folder !== undefined))].sort();
  const { packages: locked } = LockSchema.parse(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')));
  const found = await Promise.all(folders.map(async (folder) => ({ folder, ...(await readPackage(folder)) })));
  const names = new Set(found.map(({ manifest }) => manifest.name));
  return found.map(({ folder, manifest, text }) => {
    const key = folder.slice(folder.indexOf('node_modules')).replaceAll('\\', '/');
    const integrity = locked[key]?.integrity;
    const { name, version, license } = manifest;
    return {
      name,
      version,
      licence: license,
      licenceText: text ?? textOfSameRepository(manifest, found) ?? statement(manifest),
      ...(integrity?.startsWith('sha512-')
        ? { sha512: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') }
        : {}),
      uses: Object.keys(manifest.dependencies)
        .filter((used) => names.has(used))
        .sort(),
    };
  });
}

/** The innermost `node_modules/<package>` of a path; undefined for our own sources and what the bundler made up. */
function packageFolderOf(path: string): string | undefined {
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+(?=[\\/])/.exec(path)?.[0];
}

async function readPackage(folder: string): Promise<{ manifest: Manifest; text: string | undefined }> {
  const path = join(folder, 'package.json');
  if (!existsSync(path)) throw new BuildError(`${folder} is in the bundle and is no package.`);
  const parsed = ManifestSchema.safeParse(JSON.parse(await readFile(path, 'utf8')));
  if (!parsed.success) throw new BuildError(`${path} does not say name, version and licence; it cannot be handed on.`);
  const file = (await readdir(folder)).sort().find((name) => LICENCE_FILE.test(name));
  const text = file === undefined ? undefined : await readFile(join(folder, file), 'utf8');
  return { manifest: parsed.data, text };
}

/** Packages of one repository are often published with the text in only some of them. */
function textOfSameRepository(
  of: Manifest,
  among: readonly { readonly manifest: Manifest; readonly text: string | undefined }[],
): string | undefined {
  const repository = repositoryOf(of);
  const donor = among.find(
    ({ manifest, text }) =>
      text !== undefined &&
      repository !== undefined &&
      repositoryOf(manifest) === repository &&
      manifest.license === of.license,
  );
  return donor && `${statement(of)}\nThat of ${donor.manifest.name}, of the same repository:\n\n${donor.text}`;
}

function statement({ license, author }: Manifest): string {
  const by = typeof author === 'string' ? author : author?.name;
  return `The package carries no text of its licence. It says: ${license}${by === undefined ? '' : `, by ${by}`}.`;
}

function repositoryOf({ repository }: Manifest): string | undefined {
  return typeof repository === 'string' ? repository : repository?.url;
}
