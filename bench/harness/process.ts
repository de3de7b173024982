import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program that was started for a test or a benchmark: its lines can be waited for, and it is always ended. */
export interface RunningProgram {
  readonly child: ChildProcess;
  /** Everything it printed so far, stdout and stderr in order of arrival. */
  output(): string;
  /** Resolves with the first line, printed before or after this call, that `pattern` matches. Rejects when it ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with exit code or signal when it has ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends `signal` and waits for the end. Harmless when it has ended. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const running = new Set<ChildProcess>();
const started: { readonly command: string; output(): string }[] = [];

/** What each program that was started here has printed, for a look at what went wrong. */
export function everyOutput(): readonly { command: string; output: string }[] {
  return started.map(({ command, output }) => ({ command, output: output() }));
}

/** Ends every program that is still there: for the end of a test file, also when it failed. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      // Ended, and only its pipes are held open by what it started.
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }),
  );
}

/** Starts `command` with `args`; `wrap` goes in front (`ip netns exec NAME`). */
export function startProgram(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; wrap?: readonly string[] } = {},
): RunningProgram {
  const [program, ...rest] = [...(options.wrap ?? []), command, ...args] as [string, ...string[]];
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let text = '';
  started.push({ command: [program, ...rest].join(' '), output: () => text });
  const waiting = new Set<() => void>();
  const heard = (chunk: Buffer) => {
    text += chunk.toString('utf8');
    for (const look of waiting) look();
  };
  child.stdout.on('data', heard);
  child.stderr.on('data', heard);
  let over = false;
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    // 'close', not 'exit': what it printed last is then there.
    child.once('close', (code, signal) => {
      over = true;
      running.delete(child);
      for (const look of waiting) look();
      resolve({ code, signal });
    });
  });
  return {
    child,
    ended,
    output: () => text,
    line(pattern) {
      return new Promise((resolve, reject) => {
        const look = () => {
          for (const line of text.split('\n')) {
            const match = pattern.exec(line);
            if (match) {
              waiting.delete(look);
              resolve(match);
              return;
            }
          }
          if (over) {
            waiting.delete(look);
            reject(new Error(`${command} ended without a line like ${pattern}. It printed:\n${text}`));
          }
        };
        waiting.add(look);
        look();
      });
    },
    async stop(signal = 'SIGTERM') {
      if (!over) child.kill(signal);
      return await ended;
    },
  };
}
