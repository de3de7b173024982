import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type RunningProgram, startProgram } from '../../bench/harness/process.ts';

const run = promisify(execFile);

/** Unpacks a downloaded package as the host's owner would, and returns the folder in it. */
export async function unpack(archive: string, into: string): Promise<string> {
  await mkdir(into, { recursive: true });
  await run('tar', ['xzf', archive, '-C', into]);
  const [folder, ...others] = await readdir(into);
  if (folder === undefined || others.length > 0)
    throw new Error(`The package must hold one folder, not: ${[folder, ...others].join(', ')}`);
  return path.join(into, folder);
}

/** Starts what the package tells its owner to start. The environment is bare: nothing of this machine helps it. */
export function startPackage(folder: string, wrap: readonly string[] = []): RunningProgram {
  return startProgram('./start.sh', [], {
    cwd: folder,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: folder },
    wrap,
  });
}
