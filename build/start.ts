import { buildParts } from './start/build-parts.ts';
import { findOrFetchElectron } from './start/find-electron.ts';
import { openInElectron, serveInBrowser, showRunning } from './start/start-console.ts';
import { HELP, readStartFlags, UsageError } from './start/start-flags.ts';

/**
 * `npm start`: builds what is not built, starts a coordinator on this computer and opens the console, in Electron or, where
 * its runtime is not, in the browser. What a person can mend is one line and an exit code that is not 0.
 */
const say = (line: string) => console.log(line);

process.exitCode = await run().catch((error: unknown) => {
  const plain = error instanceof UsageError || !(error instanceof Error);
  console.error(plain ? String(error instanceof Error ? error.message : error) : error.stack);
  return error instanceof UsageError ? 2 : 1;
});

async function run(): Promise<number> {
  const flags = readStartFlags(process.argv.slice(2), process.env);
  if (flags.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const electron = flags.browser ? null : await electronIfUsable();
  if (electron !== null) return (await build('electron')) ? openInElectron(electron, flags) : 1;
  const running = await showRunning(flags, say);
  if (running !== null) return running;
  return (await build()) ? serveInBrowser(flags, say) : 1;
}

async function electronIfUsable(): Promise<string | null> {
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) {
    say('There is no screen here for the desktop console; it is served to a browser.');
    return null;
  }
  return findOrFetchElectron(say);
}

/** Whether the console can run. It works without the packages for Runners, and says itself what is missing. */
async function build(...more: 'electron'[]): Promise<boolean> {
  if (!(await buildParts(['renderer', 'coordinator', ...more]))) return false;
  if (!(await buildParts(['agents']))) say('Packages for Runners are missing until `npm run build:agents` succeeds.');
  return true;
}
