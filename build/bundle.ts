import { builtinModules } from 'node:module';
import { join, resolve } from 'node:path';
import { type InputOptions, type OutputOptions, rolldown } from 'rolldown';
import { DIST, ROOT } from './paths.ts';

/** What rolldown makes of each program that runs on Node or Electron. The renderer is made by Vite. */
export interface Bundle {
  readonly entry: string;
  readonly output: string;
  readonly format: 'esm' | 'cjs';
  /** Packages that stay outside: the runtime provides them. */
  readonly external: readonly string[];
  readonly minify: boolean;
}

export const BUNDLES = {
  agent: { entry: 'agent/main.ts', output: 'agent/agent.cjs', format: 'cjs', external: [], minify: true },
  coordinator: {
    entry: 'coordinator/main.ts',
    output: 'coordinator/main.mjs',
    format: 'esm',
    external: [],
    minify: false,
  },
  // A program of its own: the desktop shell starts one for each installation, and it needs nothing else of the coordinator.
  sshInstall: {
    entry: 'coordinator/ssh-install/main.ts',
    output: 'coordinator/ssh-install.mjs',
    format: 'esm',
    external: [],
    minify: false,
  },
  electronMain: {
    entry: 'electron/main.ts',
    output: 'electron/main.js',
    format: 'esm',
    external: ['electron'],
    minify: false,
  },
  // A sandboxed preload script cannot be an ES module, and gets nothing but `electron`.
  electronPreload: {
    entry: 'electron/preload.ts',
    output: 'electron/preload.cjs',
    format: 'cjs',
    external: ['electron'],
    minify: false,
  },
} as const satisfies Record<string, Bundle>;

/**
 * Native add-ons that packages use when they happen to be compiled and do without when not. They never go into a bundle: it
 * has to run on hosts that it was not built on.
 */
export const OPTIONAL_NATIVE = [/\.node$/, /^(?:cpu-features|bufferutil|utf-8-validate|kerberos)$/];

/**
 * Bundles one program into one file. A warning of the bundler is an error: it tends to be an import that is lost.
 * `definitions` are names in the sources, each with the expression that takes its place.
 * Answers with the paths of the modules of which something is in the bundle.
 */
export async function bundle(
  what: Bundle,
  outputPath = join(DIST, what.output),
  definitions: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const warnings: string[] = [];
  const input: InputOptions = {
    input: resolve(ROOT, what.entry),
    cwd: ROOT,
    platform: 'node',
    external: [...builtinModules, /^node:/, ...OPTIONAL_NATIVE, ...what.external],
    transform: { define: { ...definitions } },
    onLog(_level, log) {
      warnings.push(log.message);
    },
  };
  const output: OutputOptions = {
    file: outputPath,
    format: what.format,
    codeSplitting: false,
    comments: false,
    // Names stay, so that a stack trace from the field can be read.
    minify: what.minify ? { mangle: false, compress: true, codegen: { removeWhitespace: true } } : false,
    // Packages that are CommonJS ask for Node's modules with `require`, and for files of theirs with `__dirname`.
    ...(what.format === 'esm' ? { banner: REQUIRE_FOR_ESM } : {}),
  };
  const build = await rolldown(input);
  const modules: string[] = [];
  try {
    const written = await build.write(output);
    for (const chunk of written.output) {
      if (chunk.type !== 'chunk') continue;
      for (const [path, { renderedLength }] of Object.entries(chunk.modules)) {
        if (renderedLength > 0) modules.push(path);
      }
    }
  } finally {
    await build.close();
  }
  if (warnings.length > 0) throw new Error(`Bundling ${what.entry} gave warnings:\n${warnings.join('\n')}`);
  return modules;
}

/** What every CommonJS module may count on, and no ES module has. */
const REQUIRE_FOR_ESM = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join(' ');
