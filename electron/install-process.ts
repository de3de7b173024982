import { createInterface } from 'node:readline';
import type { utilityProcess } from 'electron';
import {
  type FromInstallProcess,
  FromInstallProcessSchema,
  type ToInstallProcess,
} from '../protocol/ssh-install-process.ts';

/** A process that makes one installation, over SSH or on this computer. */
export interface InstallProcess {
  say(message: ToInstallProcess): void;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  kill(): void;
}

/** Starts one as a utility process of Electron. What it is told goes by messages: arguments are for all to see. */
export function startInstallProcess(
  fork: typeof utilityProcess.fork,
  program: { readonly module: string; readonly env: NodeJS.ProcessEnv },
  hear: (message: FromInstallProcess) => void,
  report: (line: string) => void,
): InstallProcess {
  const child = fork(program.module, [], { serviceName: 'Outrunner install', stdio: 'pipe', env: program.env });
  for (const output of [child.stdout, child.stderr]) {
    if (output) createInterface({ input: output }).on('line', (line) => report(`ssh-install: ${line}`));
  }
  child.on('message', (raw: unknown) => {
    const message = FromInstallProcessSchema.safeParse(raw);
    if (message.success) hear(message.data);
    else report(`ssh-install said what is not understood: ${message.error.message}`);
  });
  let over = false;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      over = true;
      resolve();
    });
  });
  return {
    ended,
    say: (message) => {
      if (!over) child.postMessage(message);
    },
    kill: () => {
      if (!over) child.kill();
    },
  };
}
