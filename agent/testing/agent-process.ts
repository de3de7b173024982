import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { RunnerConfig } from '../../protocol/enrolment.ts';
import { temporaryFolder } from './temporary-folder.ts';
import type { TestCoordinator } from './test-coordinator.ts';

const MAIN = join(import.meta.dirname, '..', 'main.ts');

/** The agent's program in a process of its own. */
export interface AgentProcess {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly state: string;
  /** Everything that it printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
}

/** Runs a command line of the agent, through `launcher` if one is given (it has to exec). It is ended when the test has finished. */
export function runAgentProgram(
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; launcher?: readonly string[]; stdin?: 'ignore' | 'pipe' },
): AgentProcess {
  const [file = '', ...rest] = [...(options.launcher ?? []), process.execPath, MAIN, ...args];
  const child = spawn(file, rest, {
    cwd: options.cwd,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      OUTRUNNER_DISK_FLOOR_MB: '1',
      // Those of the host are no place for tests; a test that is about them brings its own.
      OUTRUNNER_CGROUPS: 'off',
      ...options.env,
    },
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
  });
  const printed = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    printed.stdout += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    printed.stderr += chunk.toString();
  });
  const exited = once(child, 'close').then(([code, signal]: unknown[]) => (code ?? signal) as number | string);
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
  });
  return {
    child,
    folder: options.cwd,
    state: join(options.cwd, 'state'),
    stdout: () => printed.stdout,
    stderr: () => printed.stderr,
    exited,
  };
}

/** A folder with a `runner.json` as a package has it. */
export async function packageFolder(coordinator: TestCoordinator, change: Partial<RunnerConfig> = {}): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'runner.json'), JSON.stringify({ ...coordinator.config(), ...change }), { mode: 0o600 });
  return folder;
}
