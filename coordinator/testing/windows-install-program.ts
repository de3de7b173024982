import { systemClock } from '../../protocol/clock.ts';
import { parentChannel } from '../process/parent-channel.ts';
import { installForShell } from '../ssh-install/install-process.ts';
import { StandInWindows } from './windows-stand-in.ts';

/** `ssh-install/main.ts` as on a Windows whose folders are in `STAND_IN_WINDOWS`. */
const parent = parentChannel();
if (parent === null) throw new Error('There is nobody to install for.');
const here = new StandInWindows(process.env.STAND_IN_WINDOWS).computer();
await installForShell(parent, {
  clock: systemClock(),
  agentSocket: null,
  here,
  report: (error) => console.error(error),
});
// Who listens to a parent stays for it; what is said last has been sent then.
if (process.connected) process.disconnect();
