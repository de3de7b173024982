import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { BUILD_STATE } from '../paths.ts';
import { BuildError } from './build-error.ts';

/** The runtimes of all targets, each pinned by version and SHA-512. Never installed as a whole, and never into the checkout. */
const LOCKFILE = join(import.meta.dirname, 'runtimes', 'package-lock.json');
const INSTALLED = join(BUILD_STATE, 'runtimes');

const LockSchema = z.object({
  lockfileVersion: z.literal(3),
  packages: z.record(
    z.string(),
    z.looseObject({
      version: z.string().optional(),
      integrity: z.string().optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

/** What the lockfile says of one runtime. */
export interface LockedRuntime {
  readonly version: string;
  readonly integrity: string;
  /** A lockfile that names this one package and nothing else. */
  readonly lock: { readonly packages: { readonly '': unknown } } & Record<string, unknown>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * Takes one package out of the lockfile of all runtimes, hash included: npm then fetches only that one, and refuses it when
 * its hash is another.
 */
export async function lockedRuntime(name: string, lockfile = LOCKFILE): Promise<LockedRuntime> {
  const { packages } = LockSchema.parse(JSON.parse(await readFile(lockfile, 'utf8')));
  const entry = packages[`node_modules/${name}`];
  const wanted = packages['']?.dependencies?.[name];
  if (!entry?.version || !entry.integrity || wanted === undefined) {
    throw new BuildError(`${lockfile} does not pin ${name} by version and hash.`);
  }
  const dependencies = { [name]: wanted };
  const root = { name: 'outrunner-agent-runtime', version: '0.0.0', dependencies };
  return {
    version: entry.version,
    integrity: entry.integrity,
    dependencies,
    lock: {
      name: root.name,
      version: root.version,
      lockfileVersion: 3,
      requires: true,
      packages: { '': root, [`node_modules/${name}`]: entry },
    },
  };
}

/**
 * The folder of the package `name` as the lockfile pins it; npm fetches it when it is not there yet. A folder that exists is
 * whole: it gets its name last.
 * @throws BuildError with what npm said when it cannot be had.
 */
export async function installRuntime(
  name: string,
  report: (line: string) => void,
  { lockfile = LOCKFILE, installed = INSTALLED }: { readonly lockfile?: string; readonly installed?: string } = {},
): Promise<string> {
  const { version, lock, dependencies, integrity } = await lockedRuntime(name, lockfile);
  // The hash is in the name: a lockfile that pins other bytes under the same version must not find the old ones.
  const mark = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64')
    .toString('hex')
    .slice(0, 12);
  const home = join(installed, `${name}-${version}-${mark}`);
  const folder = join(home, 'node_modules', name);
  if (existsSync(home)) return folder;
  report(`fetching ${name} ${version} from npm`);
  await mkdir(installed, { recursive: true });
  const unfinished = await mkdtemp(join(installed, 'unfinished-'));
  try {
    const manifest = { name: 'outrunner-agent-runtime', version: '0.0.0', private: true, dependencies };
    await writeFile(join(unfinished, 'package.json'), JSON.stringify(manifest));
    await writeFile(join(unfinished, 'package-lock.json'), JSON.stringify(lock));
    await npmCi(unfinished, name);
    // Headers and manuals: a third of the space, and nothing is built from them.
    for (const part of ['include', 'share', 'CHANGELOG.md']) {
      await rm(join(unfinished, 'node_modules', name, part), { recursive: true, force: true });
    }
    await rename(unfinished, home).catch((error: unknown) => {
      // Another process of this checkout was faster, and its copy is as good.
      if (!existsSync(home)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** `--force`: these packages are for other platforms than this one, and npm would refuse them. No scripts are run. */
async function npmCi(folder: string, name: string): Promise<void> {
  const args = ['ci', '--force', '--no-bin-links', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder];
  const cli = npmCli();
  const child = spawn(cli ? process.execPath : 'npm', cli ? [cli, ...args] : args, {
    cwd: folder,
    // npm on Windows is a shell script.
    shell: cli === undefined && process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new BuildError(`npm could not fetch ${name} (exit ${code}):\n${output.trim()}`);
}

/** The npm that runs this build, when npm does. */
function npmCli(): string | undefined {
  const { npm_execpath: running } = process.env;
  const cli = running === undefined ? undefined : join(dirname(running), 'npm-cli.js');
  return cli !== undefined && existsSync(cli) ? cli : undefined;
}
