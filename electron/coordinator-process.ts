import { createInterface } from 'node:readline';
import type { utilityProcess } from 'electron';
import type { CoordinatorProcess } from './embedded-coordinator.ts';

/** Starts the coordinator as a utility process of Electron: there is no other Node in a packaged console. */
export function startCoordinatorProcess(
  fork: typeof utilityProcess.fork,
  program: { readonly module: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv },
  report: (line: string) => void,
): CoordinatorProcess {
  const child = fork(program.module, [...program.args], {
    serviceName: 'Outrunner coordinator',
    stdio: 'pipe',
    env: program.env,
  });
  let lastError = '';
  if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => report(`coordinator: ${line}`));
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (line.trim() !== '') lastError = line.trim();
      report(`coordinator: ${line}`);
    });
  }
  let over = false;
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code) => {
      over = true;
      resolve(code);
    });
  });
  return {
    ended,
    lastError: () => lastError,
    // A message, because a signal would end it on Windows in the middle of what it does.
    stop: () => {
      if (!over) child.postMessage({ type: 'stop' });
    },
    kill: () => {
      if (!over) child.kill();
    },
  };
}
