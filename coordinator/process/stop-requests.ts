/** What Electron gives a utility process to speak to its parent with. */
export interface ParentPort {
  on(event: 'message', listener: (message: { data: unknown }) => void): void;
  postMessage(message: unknown): void;
}

/** The port to an Electron parent; undefined in a process that Electron did not start. */
export function parentPort(): ParentPort | undefined {
  return 'parentPort' in process ? (process.parentPort as ParentPort | undefined) : undefined;
}

/**
 * Resolves when this process is asked to stop: by a signal, by its parent, or (`withParent`) because its parent is gone.
 * A second signal ends the process at once, for a person who will not wait.
 */
export function stopRequests(options: { readonly withParent: boolean }): Promise<void> {
  return new Promise((resolve) => {
    let asked = 0;
    const signalled = (signal: NodeJS.Signals) => {
      asked += 1;
      if (asked > 1) process.exit(signal === 'SIGINT' ? 130 : 143);
      resolve();
    };
    process.on('SIGINT', signalled);
    process.on('SIGTERM', signalled);
    const said = (message: unknown) => {
      if (typeof message === 'object' && message !== null && 'type' in message && message.type === 'stop') resolve();
    };
    process.on('message', said);
    parentPort()?.on('message', ({ data }) => said(data));
    if (!options.withParent) return;
    process.on('disconnect', () => resolve());
    // Standard input says "end" when whoever held its other end is gone, however it went.
    process.stdin.on('error', () => resolve()).on('end', () => resolve());
    process.stdin.resume();
  });
}
