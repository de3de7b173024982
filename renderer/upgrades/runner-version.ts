import type { Replica, Runner } from '../../protocol/api/runners.ts';
import { type VersionState, versionState } from '../../protocol/version-state.ts';

/** How the version of a Runner stands to the one that is handed out: the one rule, over what the console knows of it. */
export function runnerVersionState(
  runner: Pick<Runner, 'replicas' | 'refusals'>,
  handedOut: string | null,
): VersionState {
  const { refusals } = runner;
  // When it was seen matters only beside a refusal; reading ten thousand times takes a while.
  const replicas = refusals.length === 0 ? runner.replicas.map(unrefused) : runner.replicas.map(known);
  return versionState({ replicas, refusals }, handedOut);
}

/** What the coordinator said when it turned an agent of this Runner away for its protocol, last. */
export function turnedAwayWords({ refusals }: Pick<Runner, 'refusals'>): string {
  return refusals.find(({ code }) => code === 'protocol-unsupported' || code === 'protocol-too-new')?.detail ?? '';
}

function unrefused({ version, connected }: Replica) {
  return { version, connected, lastSeen: null };
}

function known({ version, connected, lastSeen }: Replica) {
  return { version, connected, lastSeen: lastSeen === null ? null : Date.parse(lastSeen) };
}
