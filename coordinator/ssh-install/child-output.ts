import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Ran } from './ssh-connection.ts';

/** What is kept of what a command prints, at its end. */
const KEPT_CHARACTERS = 64 << 10;

/** A program of this computer whose output is read. */
export type ReadChild = ChildProcess & { readonly stdout: Readable; readonly stderr: Readable };

/** Who hears lines as they come. */
export interface LineListeners {
  readonly onLine?: (line: string) => void;
  /** Of standard error. */
  readonly onErrorLine?: (line: string) => void;
}

/** Reads, as UTF-8, what it prints until it has ended. Rejects when it could not be started. */
export async function childOutput(child: ReadChild, { onLine, onErrorLine }: LineListeners = {}): Promise<Ran> {
  const stdout = follow(child.stdout, onLine);
  const stderr = follow(child.stderr, onErrorLine);
  await once(child, 'close');
  return { code: child.exitCode, stdout: stdout.end(), stderr: stderr.end() };
}

function follow(stream: Readable, onLine?: (line: string) => void): { end(): string } {
  let kept = '';
  let line = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    kept = (kept + text).slice(-KEPT_CHARACTERS);
    const lines = (line + text).split('\n');
    line = (lines.pop() ?? '').slice(-KEPT_CHARACTERS);
    if (onLine !== undefined) for (const one of lines) onLine(one);
  });
  return {
    end() {
      if (line !== '') onLine?.(line);
      return kept;
    },
  };
}
