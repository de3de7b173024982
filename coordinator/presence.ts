import type { Upgradable } from '../protocol/upgrade.ts';
import type { SelfCheck } from '../protocol/wire.ts';

/**
 * What the coordinator knows of replicas at this instant and no table holds: who is connected, how loaded, how far away.
 * The gateway keeps it; runners/ and executions/ read it through this port.
 */
export interface ReplicaPresence {
  readonly replicaId: string;
  readonly runnerId: string;
  /** A session is open now. */
  readonly connected: boolean;
  readonly connectedSince: number | null;
  /** Milliseconds since the epoch, by the coordinator's clock; null: never in this life of the coordinator nor before. */
  readonly lastSeen: number | null;
  readonly saidGoodbye: boolean;
  readonly speaksProtocol: boolean;
  /** false: its agent refuses what is offered: it is being stopped or upgraded, or believes none of the coordinator's keys. */
  readonly accepting: boolean;
  readonly running: number;
  readonly queued: number;
  /** Offered or accepted by choice of the coordinator and not yet in the agent's own figures. */
  readonly reserved: number;
  readonly maximum: number;
  readonly checks: readonly SelfCheck[];
  readonly skewMs: number | null;
  readonly roundTripMs: number | null;
  readonly transport: 'websocket' | 'polling' | null;
  /** Why it is not a WebSocket. */
  readonly transportReason: string | null;
  readonly proxy: string | null;
  readonly address: string | null;
  readonly startedAt: number | null;
  readonly duplicateSeenAt: number | null;
  /** Whether its agent can be upgraded from afar; null: it has not been connected since the coordinator began. */
  readonly upgradable: Upgradable | null;
  /** The newest key of the coordinator that its agent believes. */
  readonly believedKey: string;
  /** Of the trust statement that its agent holds; null: it says nothing of it, and cannot be told of other keys. */
  readonly trustSerial: number | null;
  /** Why its agent does not use what was announced last. */
  readonly trustProblem: string | null;
}

export interface Presence {
  /** Every replica of a Runner that is not retired. */
  ofRunner(runnerId: string): readonly ReplicaPresence[];
  /** Calls back when anything of a Runner's presence changed; not more than a few times a second for each Runner. */
  onChange(listener: (runnerId: string) => void): () => void;
  /** Measures a round trip; rejects with `runner-unreachable` after `timeoutMs`. */
  ping(runnerId: string, timeoutMs: number): Promise<{ replicaId: string; roundTripMs: number }>;
  /** Ends the session of a replica whose identity was revoked, telling it why. */
  revoke(replicaId: string): void;
  /** Tells the connected replicas of a Runner their new limit of operations. */
  setMaximum(runnerId: string, maximum: number): void;
}

/** What runners/ tells executions/ and the gateway: something changed that may let waiting work go. */
export interface WorkSignal {
  /** Looks at waiting work soon: a Runner was resumed, assigned, retagged, connected, or has room. */
  poke(): void;
}
