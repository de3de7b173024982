import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Part } from '../parts.ts';
import { ROOT } from '../paths.ts';

/** Builds the parts that are stale; what it says goes to our own output. Resolves with whether all of them are there. */
export async function buildParts(parts: readonly Part[]): Promise<boolean> {
  const program = join(import.meta.dirname, 'build-process.ts');
  const child = spawn(process.execPath, [program, ...parts], { cwd: ROOT, stdio: 'inherit' });
  // Ctrl-C reaches it by itself; a signal for us alone must not leave it behind.
  const passOn = () => {
    child.kill();
    process.exit(143);
  };
  process.once('SIGTERM', passOn);
  const [code] = (await once(child, 'exit')) as [number | null];
  process.off('SIGTERM', passOn);
  return code === 0;
}
