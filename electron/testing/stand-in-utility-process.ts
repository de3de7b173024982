import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

interface ForkOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdio?: string;
  readonly serviceName?: string;
}

/** `utilityProcess`: a Node process with `process.parentPort`, and pipes for what it prints. */
export class StandInUtilityProcess extends EventEmitter {
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly serviceName: string;
  readonly #child: ChildProcess;

  constructor(modulePath: string, args: readonly string[], options: ForkOptions) {
    super();
    this.serviceName = options.serviceName ?? 'Node Utility Process';
    const piped = options.stdio === 'pipe' ? 'pipe' : 'ignore';
    const shim = join(import.meta.dirname, 'utility-parent-port.ts');
    this.#child = spawn(process.execPath, ['--import', shim, modulePath, ...args], {
      stdio: ['ignore', piped, piped, 'ipc'],
      env: options.env ?? process.env,
    });
    this.stdout = this.#child.stdout;
    this.stderr = this.#child.stderr;
    this.#child.once('spawn', () => this.emit('spawn'));
    this.#child.on('message', (message) => this.emit('message', message));
    // Electron says 0 for a process that a signal ended; the shell must not depend on the number.
    this.#child.once('exit', (code) => this.emit('exit', code ?? 0));
  }

  get pid(): number | undefined {
    return this.#child.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined;
  }

  postMessage(message: unknown): void {
    this.#child.send(message as object);
  }

  kill(): boolean {
    return this.#child.kill('SIGTERM');
  }
}
