import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { pipeline } from 'node:stream/promises';
import { childOutput } from './child-output.ts';
import type { RunOptions, SshConnection } from './ssh-connection.ts';

/** Of our environment: where things are and who we are. What the coordinator or the console was told is none of a Runner's business. */
const PASSED_ON = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TMPDIR', 'XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'];

/** This computer, as a host that commands run on: what a login shell does over SSH, `/bin/sh` does here. */
export function openLocalShell(): SshConnection {
  const children = new Set<ChildProcessWithoutNullStreams>();
  const start = (command: string) => {
    const env = Object.fromEntries(PASSED_ON.flatMap((name) => [[name, process.env[name]]]));
    // In a group of its own: what ends us by a terminal does not end an installation half-way.
    const child = spawn('/bin/sh', ['-c', command], { env, cwd: '/', detached: true });
    children.add(child);
    child.once('close', () => children.delete(child));
    // It may end before it has read everything; its exit tells why.
    child.stdin.on('error', () => undefined);
    return child;
  };
  return {
    lost: false,
    async run(command, options: RunOptions = {}) {
      const child = start(command);
      const over = childOutput(child, options);
      const { input } = options;
      if (input === undefined || typeof input === 'string') child.stdin.end(input);
      else await Promise.race([pipeline(input, child.stdin).catch(() => undefined), over]);
      return over;
    },
    async converse(command, onLine) {
      const child = start(command);
      return {
        over: childOutput(child, { onLine }),
        say: (line) => {
          if (child.stdin.writable) child.stdin.write(`${line}\n`);
        },
      };
    },
    close() {
      // The guard sees its input end, as it does when a connection is cut.
      for (const child of children) child.stdin.destroy();
    },
  };
}
