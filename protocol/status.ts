import { z } from 'zod';

/**
 * The status of a Runner: one pure function over what was last seen, computed when it is read. Every screen, API and
 * metric uses it, so that no two of them can disagree.
 */

/** Silence that is still Healthy: two missed beats and slack, in milliseconds. At exactly this it is still Healthy. */
export const UNKNOWN_AFTER_MS = 30_000;
/** Silence after which a Runner counts as Down, in milliseconds. At exactly this it is still Unknown. */
export const DOWN_AFTER_MS = 120_000;
/** How often an agent beats, in milliseconds. */
export const HEARTBEAT_MS = 5_000;
/** Ephemeral replicas leave the list after this much silence, in milliseconds. */
export const EPHEMERAL_GONE_AFTER_MS = 600_000;

export const RunnerStatusSchema = z
  .enum(['New', 'Healthy', 'Busy', 'Unhealthy', 'Unknown', 'Down'])
  .meta({ id: 'RunnerStatus' });
export type RunnerStatus = z.infer<typeof RunnerStatusSchema>;

export const RunnerModeSchema = z.enum(['active', 'paused', 'draining']).meta({ id: 'RunnerMode' });
export type RunnerMode = z.infer<typeof RunnerModeSchema>;

/** What was last seen of one replica. Times in milliseconds since the epoch, by the coordinator's clock. */
export interface ReplicaSeen {
  readonly lastSeen: number | null;
  readonly saidGoodbye: boolean;
  readonly running: number;
  readonly maximum: number;
  /** Names of the self-checks that fail now: `disk`, `clock`, `keys`. */
  readonly failingChecks: readonly string[];
  /** Whether its connection is open now: for the reason alone, the status follows what was heard. Absent: it is not looked at. */
  readonly connected?: boolean;
}

export interface StatusAnswer {
  readonly status: RunnerStatus;
  /** Why, for a person, in one sentence. */
  readonly reason: string;
  /** When the answer changes by itself if nothing more is heard (milliseconds since the epoch); null: never. */
  readonly changesAt: number | null;
}

const CUT_OFF = 'It was heard of in the last 30 seconds; its connection is closed now.';

type Liveness = 'live' | 'silent' | 'gone';

function liveness(replica: ReplicaSeen, now: number): Liveness {
  if (replica.lastSeen === null || replica.saidGoodbye) return 'gone';
  const silence = now - replica.lastSeen;
  if (silence <= UNKNOWN_AFTER_MS) return 'live';
  return silence <= DOWN_AFTER_MS ? 'silent' : 'gone';
}

/**
 * The status of a Runner at `now`, from its replicas (retired ones left out). A clock that went back counts as no
 * silence: a replica is never punished for the coordinator's clock.
 */
export function runnerStatus(replicas: readonly ReplicaSeen[], now: number): StatusAnswer {
  const known = replicas.filter((replica) => replica.lastSeen !== null);
  if (known.length === 0) return { status: 'New', reason: 'No replica has ever connected.', changesAt: null };

  let changesAt: number | null = null;
  const consider = (at: number) => {
    if (at > now && (changesAt === null || at < changesAt)) changesAt = at;
  };
  for (const replica of known) {
    if (replica.saidGoodbye || replica.lastSeen === null) continue;
    consider(replica.lastSeen + UNKNOWN_AFTER_MS + 1);
    consider(replica.lastSeen + DOWN_AFTER_MS + 1);
  }

  const live = known.filter((replica) => liveness(replica, now) === 'live');
  if (live.length > 0) {
    const failing = [...new Set(live.flatMap((replica) => replica.failingChecks))].sort();
    if (failing.length > 0) {
      return { status: 'Unhealthy', reason: `A self-check of the agent fails: ${failing.join(', ')}.`, changesAt };
    }
    const missing = known.length - live.length;
    if (missing > 0) {
      return { status: 'Unhealthy', reason: `${missing} of ${known.length} replicas are missing.`, changesAt };
    }
    const isCutOff = live.every((replica) => replica.connected === false);
    if (live.every((replica) => replica.running >= replica.maximum)) {
      if (isCutOff) return { status: 'Busy', reason: CUT_OFF, changesAt };
      const running = live.reduce((sum, replica) => sum + replica.running, 0);
      const maximum = live.reduce((sum, replica) => sum + replica.maximum, 0);
      return { status: 'Busy', reason: `At its capacity: ${running} of ${maximum} operations.`, changesAt };
    }
    if (isCutOff) return { status: 'Healthy', reason: CUT_OFF, changesAt };
    return { status: 'Healthy', reason: 'It checks in and is below its capacity.', changesAt };
  }
  if (known.some((replica) => liveness(replica, now) === 'silent')) {
    return { status: 'Unknown', reason: 'Nothing was heard for more than 30 seconds.', changesAt };
  }
  if (known.every((replica) => replica.saidGoodbye)) {
    return { status: 'Down', reason: 'The agent was stopped and said good-bye.', changesAt };
  }
  return { status: 'Down', reason: 'Nothing was heard for more than 120 seconds.', changesAt };
}
