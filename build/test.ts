import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BuildError } from './agents/build-error.ts';
import { ensureBuilt } from './ensure-built.ts';
import { BUILD_STATE, NODE_MODULES, ROOT } from './paths.ts';
import { REPORT_FILE, type RunEnd, readRunReport, sumLine, sumReports } from './testing/run-report.ts';
import { describeMachine, provideSystemNeeds } from './testing/system-needs.ts';

/**
 * `npm test [-- --only node|browser|e2e] [filters…]`: what the machine needs, the build, then all runners, then one sum. The
 * last line is always `N passed, N failed, N skipped`, and the exit code says the same.
 */
const VITEST = [
  join(NODE_MODULES, 'vitest', 'vitest.mjs'),
  'run',
  '--reporter=default',
  '--reporter=./build/testing/vitest-reporter.ts',
];
const PLAYWRIGHT = [
  join(NODE_MODULES, '@playwright', 'test', 'cli.js'),
  'test',
  '--reporter=list,./build/testing/playwright-reporter.ts',
];

const RUNNERS = [
  { name: 'node', args: [...VITEST, '--project', 'node'], allowNone: '--passWithNoTests' },
  { name: 'browser', args: [...VITEST, '--project', 'browser'], allowNone: '--passWithNoTests' },
  { name: 'e2e', args: PLAYWRIGHT, allowNone: '--pass-with-no-tests' },
] as const;

const { only, filters } = readArguments(process.argv.slice(2));
const ends = await runAll();
const sum = sumReports(ends, filters.length > 0);
console.log('');
for (const { name, reason } of sum.skipped) console.log(`skipped: ${name}: ${reason}`);
for (const name of sum.failed) console.log(`failed: ${name}`);
console.log(sumLine(sum));
process.exitCode = sum.failed.length > 0 ? 1 : 0;

async function runAll(): Promise<RunEnd[]> {
  try {
    provideSystemNeeds(console.log);
    console.log(describeMachine());
    if (only !== 'browser') await ensureBuilt();
  } catch (error) {
    console.error(error instanceof BuildError ? error.message : error);
    return [{ runner: 'build', code: 1, report: undefined }];
  }
  const reports = join(BUILD_STATE, 'reports');
  await mkdir(reports, { recursive: true });
  const results: RunEnd[] = [];
  for (const runner of RUNNERS) {
    if (only !== undefined && runner.name !== only) continue;
    const path = join(reports, `${runner.name}.json`);
    await rm(path, { force: true });
    console.log(`\n── ${runner.name} ──`);
    const code = await run([...runner.args, ...filters, ...(filters.length > 0 ? [runner.allowNone] : [])], {
      ...process.env,
      [REPORT_FILE]: path,
    });
    results.push({ runner: runner.name, code, report: await readRunReport(path) });
  }
  return results;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args], { cwd: ROOT, env, stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', resolve);
  });
}

function readArguments(args: readonly string[]): { only: string | undefined; filters: readonly string[] } {
  const at = args.indexOf('--only');
  if (at < 0) return { only: undefined, filters: args };
  const wanted = args[at + 1];
  if (!RUNNERS.some((runner) => runner.name === wanted)) {
    console.error(`--only takes one of: ${RUNNERS.map((runner) => runner.name).join(', ')}`);
    process.exit(2);
  }
  return { only: wanted, filters: [...args.slice(0, at), ...args.slice(at + 2)] };
}
