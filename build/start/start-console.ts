import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';
import { DATA_FOLDER_VARIABLE } from '../../protocol/data-folder.ts';
import { DIST, ROOT } from '../paths.ts';
import { openBrowser } from './open-browser.ts';
import { findRunning, signInLink } from './sign-in-link.ts';
import type { StartFlags } from './start-flags.ts';

/** The coordinator gets this long to finish what it does after the first Ctrl-C. */
const STOP_WITHIN_MS = 15_000;
const ReadySchema = z.object({ type: z.literal('ready'), url: z.string(), pid: z.number() });

/** Finds a coordinator that runs already and shows the way to it. Null when there is none. */
export async function showRunning(flags: StartFlags, say: (line: string) => void): Promise<number | null> {
  const url = await findRunning(flags.dataFolder);
  if (url === null) return null;
  say(`Outrunner runs already at ${url}`);
  await showLink(flags, url, say);
  return 0;
}

/**
 * Starts a coordinator and shows the console in the browser. Resolves with the exit code when it has ended: after Ctrl-C or
 * SIGTERM with 0, else with the coordinator's own code. It leaves no process behind, however it ends.
 */
export async function serveInBrowser(flags: StartFlags, say: (line: string) => void): Promise<number> {
  const port = flags.port === null ? ['--port-search'] : ['--port', String(flags.port)];
  const args = [
    join(DIST, 'coordinator', 'main.mjs'),
    '--data-dir',
    flags.dataFolder,
    '--embedded',
    '--exit-with-parent',
    '--log-level',
    'warn',
    ...port,
  ];
  // Its standard error is ours: there it says in one line why it cannot start.
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'ignore', 'inherit', 'ipc'] });
  const ended = endOf(child);
  const release = stopWithUs(child);
  try {
    const url = await Promise.race([readyOf(child), ended]);
    if (typeof url !== 'string') return url.code;
    say(`Outrunner runs at ${url}`);
    await showLink(flags, url, say);
    say('Ctrl-C stops it.');
    const { code } = await ended;
    if (code !== 0) say(`The coordinator ended by itself (exit code ${code}).`);
    return code;
  } catch (error) {
    child.send({ type: 'stop' });
    await ended;
    throw error;
  } finally {
    release();
  }
}

/** Starts the desktop console. A second start brings the first one forward and ends by itself. */
export async function openInElectron(electron: string, flags: StartFlags): Promise<number> {
  const env: NodeJS.ProcessEnv = { ...process.env, [DATA_FOLDER_VARIABLE]: flags.dataFolder };
  if (flags.port !== null) env.OUTRUNNER_PORT = String(flags.port);
  // It would make a bare Node of it.
  delete env.ELECTRON_RUN_AS_NODE;
  const child = spawn(electron, [ROOT], { cwd: ROOT, env, stdio: 'inherit' });
  const release = stopWithUs(child, 'SIGTERM');
  try {
    return (await endOf(child)).code;
  } finally {
    release();
  }
}

async function showLink(flags: StartFlags, url: string, say: (line: string) => void): Promise<void> {
  const link = await signInLink(flags.dataFolder, url);
  say(`Open it with this link, which works once and for five minutes: ${link}`);
  if (flags.open) openBrowser(link, (reason) => say(`No browser was opened (${reason}); use the link.`));
}

/** The first signal asks the child to stop, a second one ends it at once. Returns how to let go of the signals. */
function stopWithUs(child: ChildProcess, signal?: NodeJS.Signals): () => void {
  let asked = false;
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    if (asked) {
      child.kill('SIGKILL');
      return;
    }
    asked = true;
    // A terminal sends Ctrl-C to the child as well; a message does not count as a second one there.
    if (signal === undefined) child.send({ type: 'stop' }, (error) => error && child.kill('SIGKILL'));
    else child.kill(signal);
    timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const each of signals) process.on(each, stop);
  return () => {
    clearTimeout(timer);
    for (const each of signals) process.off(each, stop);
  };
}

async function endOf(child: ChildProcess): Promise<{ code: number }> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  // Ended by the signal that we passed on: as it was asked to.
  return { code: code ?? (signal === 'SIGTERM' || signal === 'SIGINT' ? 0 : 1) };
}

function readyOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      const ready = ReadySchema.safeParse(message);
      if (ready.success) resolve(ready.data.url);
    });
  });
}
