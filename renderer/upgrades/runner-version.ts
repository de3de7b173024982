import type { Replica, Runner } from '../../protocol/api/runners.ts';
import { type VersionState, versionState } from '../../protocol/version-state.ts';

/** How the version of a Runner stands to the one that is handed out: the one rule, over what the console knows of it. */
export function runnerVersionState(
  runner: Pick<Runner, 'replicas' | 'refusals'>,
  handedOut: string | null,
): VersionState {
  const { refusals } = runner;
  // The usual case, told apart at once: ten thousand of them are looked at with each batch of live events.
  if (
    refusals.length === 0 &&
    runner.replicas.length > 0 &&
    runner.replicas.every(({ version }) => version === handedOut)
  )
    return 'current';
  return versionState({ replicas: runner.replicas.map(known), refusals }, handedOut);
}

/** What the coordinator said when it turned an agent of this Runner away for its version, last. */
export function turnedAwayWords({ refusals }: Pick<Runner, 'refusals'>): string {
  return refusals.find(({ code }) => code === 'protocol-unsupported')?.detail ?? '';
}

function known({ version, connected, lastSeen }: Replica) {
  return { version, connected, lastSeen: lastSeen === null ? null : Date.parse(lastSeen) };
}
