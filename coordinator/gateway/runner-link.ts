import type { ProblemCode } from '../../protocol/problems.ts';
import type { UpgradeReport } from '../../protocol/upgrade.ts';
import type { HeldOperation, JournalFrame, ToAgent } from '../../protocol/wire.ts';
import type { Presence, ReplicaPresence } from '../presence.ts';
import type { TrustIntake } from './trust-book.ts';

/** Which operation, under which attempt. */
export interface OperationRef {
  readonly operation: string;
  readonly attempt: number;
}

/** Of an operation that an agent holds: from which record it shall send, or that it is needed no more. */
export interface ResumeEntry extends OperationRef {
  readonly from: number;
  readonly drop: boolean;
}

/** What the gateway offers to those who give work to agents. */
export interface RunnerLink {
  readonly presence: Presence;
  /** One replica as it is now; null when it is unknown or retired. */
  replica(replicaId: string): ReplicaPresence | null;
  /** Sends to the open session of a replica; false when there is none. */
  send(replicaId: string, message: ToAgent): boolean;
  /** Ed25519 signature over the UTF-8 bytes of `text`, base64url, with the newest key that this replica believes. */
  sign(replicaId: string, text: string): string;
  /** Every replica that is not retired. */
  replicas(): Iterable<ReplicaPresence>;
  /** Sends one message to the open sessions of these replicas, made into text once. */
  sendAll(replicaIds: Iterable<string>, message: ToAgent): void;
  /** Ends the open session of a replica, so that it connects again. */
  reconnect(replicaId: string): void;
  /** The coordinator's keys have changed: looks anew who believes none of them, and has them given no work. */
  keysChanged(): void;
  /** Counts an operation against the capacity of a replica until it is released. */
  reserve(replicaId: string, operation: string): void;
  release(replicaId: string, operation: string): void;
  /** true while the coordinator itself does not read what the replica says, because its own disk is behind. */
  isHeldBack(replicaId: string): boolean;
  /** Says who takes what agents report. Once, before connections are let in. */
  handle(intake: WorkIntake): void;
  /** Says who takes what agents report of their upgrades. Once, before connections are let in. */
  handleUpgrades(intake: UpgradeIntake): void;
  /** Says who takes what agents report of the keys and authorities that they believe. Once, before connections are let in. */
  handleTrust(intake: TrustIntake): void;
}

/** Who takes what agents report of their work. None of these may throw; each may be called for anything a peer makes up. */
export interface WorkIntake {
  /** A verified agent connects and holds these operations: from where shall it send? Called before it is welcomed. */
  resume(replicaId: string, held: readonly HeldOperation[]): Promise<readonly ResumeEntry[]>;
  /** The agent was welcomed: work can be sent to it. */
  connected(replicaId: string, held: readonly HeldOperation[]): void;
  /** `operations`: unfinished there; `delivering`: ended there, records still owed. Both are held for sure. */
  heartbeat(replicaId: string, operations: readonly OperationRef[], delivering: readonly OperationRef[]): void;
  accepted(replicaId: string, ref: OperationRef): void;
  refused(replicaId: string, ref: OperationRef, code: ProblemCode, detail: string): void;
  /** The agent never started it and never will. */
  returned(replicaId: string, ref: OperationRef, reason: string): void;
  /**
   * Journal records arrived. The promise settles when they are stored or given up, so that a fast agent can be held
   * back; its value says what is wrong with the frame, or null.
   */
  frame(replicaId: string, frame: JournalFrame): Promise<string | null>;
  disconnected(replicaId: string): void;
  /** The identity was revoked: nothing will be heard of it again. */
  revoked(replicaId: string): void;
}

/** Who takes what agents report of their upgrades. Neither may throw; each may be called for anything a peer makes up. */
export interface UpgradeIntake {
  /** The agent was welcomed: an order can be sent to it. */
  connected(replicaId: string): void;
  reported(replicaId: string, report: UpgradeReport): void;
}
