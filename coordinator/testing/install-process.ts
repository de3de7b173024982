import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { SshInstall } from '../../protocol/api/ssh-installs.ts';
import {
  type FromInstallProcess,
  FromInstallProcessSchema,
  type ToInstallProcess,
} from '../../protocol/ssh-install-process.ts';

const PROGRAM = join(import.meta.dirname, '../ssh-install/main.ts');

/** The program that makes one installation, and what it says; answers to what it needs are the test's. */
export class InstallProcess {
  readonly child: ChildProcess;
  readonly said: FromInstallProcess[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(env: NodeJS.ProcessEnv = process.env, program = PROGRAM) {
    this.child = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env });
    this.child.on('message', (raw) => {
      this.said.push(FromInstallProcessSchema.parse(raw));
      for (const look of this.#waiting) look();
    });
    onTestFinished(async () => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) return;
      const ended = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await ended;
    });
  }

  say(message: ToInstallProcess): void {
    this.child.send(message);
  }

  async hears<Type extends FromInstallProcess['type']>(
    type: Type,
    fits: (message: Extract<FromInstallProcess, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<FromInstallProcess, { type: Type }>> {
    for (;;) {
      const found = this.said.find((one) => one.type === type && fits(one as never));
      if (found !== undefined) return found as Extract<FromInstallProcess, { type: Type }>;
      await new Promise<void>((resolve) => {
        const look = () => {
          this.#waiting.delete(look);
          resolve();
        };
        this.#waiting.add(look);
      });
    }
  }

  async ended(): Promise<SshInstall> {
    return (await this.hears('changed', ({ install }) => install.endedAt !== null)).install;
  }
}
