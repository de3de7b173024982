import type { Replica, Runner } from '../../protocol/api/runners.ts';
import { versionOrder } from '../../protocol/version-state.ts';

/** A replica that has another version than the one that is handed out. */
export interface Candidate {
  readonly runner: Runner;
  readonly replica: Replica;
  /** Why it is likely to stay as it is, for a person; null when nothing stands in the way. */
  readonly obstacle: string | null;
}

export interface Candidates {
  /** Replicas that the upgrade will try. */
  readonly taken: readonly Candidate[];
  /** Replicas that it leaves as they are. */
  readonly left: readonly Candidate[];
  /** What the coordinator is asked for: the Runners of those that are taken. */
  readonly runners: readonly string[];
}

/** Who gets the version that is handed out, and who does not, and why. */
export function candidatesOf(
  runners: readonly Runner[],
  handedOut: string,
  allowDowngrade: boolean,
  /** Replicas that another upgrade has in hand. */
  inHand: ReadonlySet<string>,
): Candidates {
  const taken: Candidate[] = [];
  const left: Candidate[] = [];
  for (const runner of runners) {
    const others = runner.replicas.filter(({ version }) => versionOrder(version, handedOut) !== 'current');
    const isNewer = ({ version }: Replica) => versionOrder(version, handedOut) === 'newer';
    const wanted = others.filter((replica) => allowDowngrade || !isNewer(replica));
    // The coordinator takes a Runner as a whole, or refuses the whole upgrade for its sake.
    const isBusy = wanted.some(({ id }) => inHand.has(id));
    const isHopeless = wanted.every(({ upgradable }) => upgradable !== null && !upgradable.can);
    for (const replica of others) {
      const stays = isNewer(replica) && !allowDowngrade;
      const obstacle = stays ? 'It has a newer version.' : obstacleOf(replica, isBusy);
      const isTaken = !stays && !isBusy && !isHopeless && replica.upgradable?.can !== false;
      (isTaken ? taken : left).push({ runner, replica, obstacle });
    }
  }
  return { taken, left, runners: [...new Set(taken.map(({ runner }) => runner.id))] };
}

function obstacleOf({ upgradable, connected }: Replica, isBusy: boolean): string | null {
  if (isBusy) return 'It is part of an upgrade that is under way.';
  if (upgradable !== null && !upgradable.can) return upgradable.why || 'Its agent cannot be upgraded from here.';
  if (!connected) return 'Not connected: it is left as it is unless it is back when its turn comes.';
  return upgradable === null ? 'It is not known whether it can be upgraded.' : null;
}
