import { writeSync } from 'node:fs';
import { systemClock } from '../../protocol/clock.ts';
import { parentChannel } from '../process/parent-channel.ts';
import { agentSocket } from './agent-socket.ts';
import { installForShell } from './install-process.ts';
import { thisComputer } from './this-computer.ts';

/** The installation over SSH as a program of its own: the desktop shell starts one for each, and speaks with it. */
/** How long a shell may take to hear the last word. */
const LINGER_MS = 10_000;

const parent = parentChannel();
const report = (error: unknown) =>
  void writeSync(2, `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
if (parent === null) {
  report('This program is started by the desktop console.');
  process.exit(2);
}
const clock = systemClock();
const deps = { clock, agentSocket: agentSocket(process.platform, process.env), here: thisComputer(), report };
installForShell(parent, deps).then(
  () => {
    // The shell ends it when it has heard the last word; nobody stays for a shell that does not.
    parent.onGone(() => process.exit(0));
    clock.after(LINGER_MS, () => process.exit(0));
  },
  (error: unknown) => {
    report(error);
    process.exit(1);
  },
);
