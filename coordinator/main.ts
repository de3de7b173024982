import { readFileSync, writeSync } from 'node:fs';
import { PRODUCT_VERSION } from '../protocol/version.ts';
import { type Coordinator, createCoordinator } from './coordinator.ts';
import { stopRequests } from './process/stop-requests.ts';
import { tellParent } from './process/tell-parent.ts';
import { readSettings } from './settings/read-settings.ts';
import { helpText } from './settings/settings-document.ts';
import { StartError } from './start-error.ts';

const readFile = (path: string) => readFileSync(path, 'utf8');

/** Runs a coordinator until it is asked to stop. Resolves with the exit code of the process. */
async function main(): Promise<number> {
  const { settings, asked } = readSettings({ argv: process.argv.slice(2), env: process.env, readFile });
  if (asked !== null) {
    writeSync(1, asked === 'help' ? helpText() : `${PRODUCT_VERSION}\n`);
    return 0;
  }
  const stopRequested = stopRequests({ withParent: settings.exitWithParent });
  const coordinator = await createCoordinator({ settings });
  tellParent({ type: 'ready', url: coordinator.url, pid: process.pid }, settings.readyFd);
  process.stdout.write(`Outrunner is ready: ${coordinator.url}\n`);
  showPassword(coordinator);
  await stopRequested;
  await coordinator.stop();
  return 0;
}

/** The one time that the password of admin is shown. It goes to whoever started the program, and into no log. */
function showPassword({ adminPassword }: Coordinator): void {
  adminPassword.then(
    (password) => {
      if (password === null) return;
      process.stdout.write(`To sign in from elsewhere: name admin, password ${password} (shown only now)\n`);
    },
    () => process.stderr.write('The account admin could not be made; the next start tries again.\n'),
  );
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (error instanceof StartError) {
      writeSync(2, `${error.message}\n`);
      process.exit(error.exitCode);
    }
    writeSync(2, `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
