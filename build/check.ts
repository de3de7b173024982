import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { NODE_MODULES, ROOT } from './paths.ts';

/** `npm run check`: format and lint, types, typed lint. Says what each found, and fails when one did. */
const CHECKS = [
  {
    name: 'format and lint',
    program: ['@biomejs', 'biome', 'bin', 'biome'],
    args: ['check', '--error-on-warnings', '.'],
  },
  { name: 'types', program: ['typescript', 'bin', 'tsc'], args: ['--noEmit', '-p', '.'] },
  { name: 'typed lint', program: ['oxlint', 'bin', 'oxlint'], args: ['--type-aware', '--deny-warnings'] },
] as const;

let failed = 0;
for (const check of CHECKS) {
  const start = performance.now();
  const code = await run([join(NODE_MODULES, ...check.program), ...check.args]);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${check.name}: ${code === 0 ? 'ok' : `FAILED (exit ${code})`} in ${seconds} s`);
  if (code !== 0) failed += 1;
}
if (failed > 0) process.exitCode = 1;

/** The programs are started by their own scripts, not through `.bin`: a shim there is a shell script on Windows. */
function run(args: readonly string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args], { cwd: ROOT, stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', resolve);
  });
}
