import { spawn } from 'node:child_process';

/** What a program said and how it ended. */
export interface ToolEnd {
  readonly code: number | null;
  /** Both of its streams. */
  readonly output: string;
}

/** Runs a program of the system; undefined when there is none of that name. */
export function runTool(program: string, args: readonly string[]): Promise<ToolEnd | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    }
    child.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ENOENT' ? resolve(undefined) : reject(error),
    );
    child.once('close', (code) => resolve({ code, output }));
  });
}
