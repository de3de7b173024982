import type { Clock } from '../../protocol/clock.ts';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';
import { examine } from '../doctor/examine.ts';
import { readLastEnd } from '../host/last-end.ts';
import { lockHolder } from '../host/state-lock.ts';
import { readStatusFile, type StatusFile } from '../host/status-file.ts';
import type { Layout } from '../installation/layout.ts';
import { asAccount } from './as-account.ts';
import type { Account } from './service-account.ts';
import type { ServiceManager } from './service-manager.ts';

const LOOK_EVERY_MS = 250;
const ASK_EVERY_MS = 1_000;
const SAY_EVERY_MS = 5_000;

export interface ConnectedDeps {
  readonly clock: Clock;
  readonly layout: Layout;
  readonly account: Account | null;
  readonly manager: ServiceManager;
  readonly say: (line: string) => void;
}

/** What the agent on this state folder says about itself now; null when none runs, or it has not said anything yet. */
export async function statusOfRunning(state: string): Promise<StatusFile | null> {
  const holder = await lockHolder(state);
  const status = await readStatusFile(state);
  return holder !== null && status?.pid === holder.pid && status.start === holder.start ? status : null;
}

/**
 * Waits until the agent that the service has started says that it is connected, and returns what it says. Ends with what is
 * wrong when it ended, or is not connected after `waitMs`: the service stays as it is, since that may be over in a minute.
 */
export async function awaitConnected(deps: ConnectedDeps, waitMs: number): Promise<StatusFile> {
  const { clock, layout, manager, say } = deps;
  const begin = clock.monotonic();
  let [asked, said, down] = [begin, begin, 0];
  for (;;) {
    const status = await statusOfRunning(layout.state);
    if (status?.connected === true) return status;
    const end = await readLastEnd(layout.state);
    if (end !== null) throw new AgentExit(end.exitCode, `The service is installed, but the agent ended: ${end.line}`);
    const now = clock.monotonic();
    if (now - asked >= ASK_EVERY_MS) {
      asked = now;
      const { activity, exitCode } = await manager.status(layout);
      // Between two starts it is down for a moment.
      down = activity === 'failed' || activity === 'stopped' ? down + 1 : 0;
      if (down >= 3) throw endedAtOnce(layout, exitCode);
    }
    if (now - begin >= waitMs) throw await notConnected(deps);
    if (now - said >= SAY_EVERY_MS) {
      said = now;
      say(`Waiting for the connection (${Math.round((waitMs - (now - begin)) / 1000)} s left).`);
    }
    await new Promise<void>((resolve) => void clock.after(LOOK_EVERY_MS, resolve));
  }
}

/** How a person reads what the agent says about itself. */
export function logHint({ platform, scope, name, log }: Layout): string {
  if (log !== null) return `Its log is ${log}.`;
  return platform === 'linux' ? `Its log: journalctl ${scope === 'user' ? '--user ' : ''}-u ${name}` : '';
}

function endedAtOnce(layout: Layout, exitCode: number | null): AgentExit {
  const code = exitCode === null ? '' : ` (exit ${exitCode})`;
  const message = `The service is installed, but the agent does not stay up${code}.`;
  return new AgentExit(AGENT_EXIT.serviceNotConnected, message, logHint(layout));
}

async function notConnected({ clock, layout, account, manager }: ConnectedDeps): Promise<AgentExit> {
  const status = await statusOfRunning(layout.state);
  if (status === null && (await lockHolder(layout.state)) === null) {
    const { exitCode } = await manager.status(layout);
    return endedAtOnce(layout, exitCode);
  }
  const paths = { config: layout.config, state: layout.state };
  // With the rights of the agent, so that what it may not read is found; and without our environment, which it does not have.
  const findings = await asAccount(account, () => examine({ paths, env: {}, clock, diskFloorBytes: 0 }));
  const wrong = findings.find(({ ok }) => ok === false);
  const reason = wrong?.detail ?? status?.lastError ?? 'nothing is found to be wrong; it may need more time';
  return new AgentExit(
    AGENT_EXIT.serviceNotConnected,
    `The service is started and tries on, but the coordinator cannot be reached: ${/[.!?]$/.test(reason) ? reason : `${reason}.`}`,
    [wrong?.todo ?? '', logHint(layout)].filter((text) => text !== '').join(' '),
  );
}
