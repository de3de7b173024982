import type { Upgradable } from '../../protocol/upgrade.ts';
import type { SelfCheck } from '../../protocol/wire.ts';
import type { ReplicaPresence } from '../presence.ts';
import type { Session } from './session.ts';

/** What is known of one replica now. Small: a coordinator keeps ten thousand of them. */
export class ReplicaState implements ReplicaPresence {
  readonly replicaId: string;
  readonly runnerId: string;
  session: Session | null = null;
  connectedSince: number | null = null;
  lastSeen: number | null = null;
  saidGoodbye = false;
  speaksProtocol = true;
  /** false: its agent says that it is being stopped. */
  saysAccepting = true;
  /** The newest key of the coordinator that its agent believes. */
  believedKey: string;
  trustSerial: number | null = null;
  trustProblem: string | null = null;
  /** false: its agent believes no key that the coordinator has, and would refuse whatever it is given. */
  believes = true;
  running = 0;
  queued = 0;
  /** The agent's own limit and the administrator's. */
  agentMaximum = 1;
  runnerMaximum = 1;
  checks: readonly SelfCheck[] = [];
  skewMs: number | null = null;
  roundTripMs: number | null = null;
  transport: 'websocket' | 'polling' | null = null;
  transportReason: string | null = null;
  proxy: string | null = null;
  address: string | null = null;
  startedAt: number | null = null;
  duplicateSeenAt: number | null = null;
  upgradable: Upgradable | null = null;
  /** `lastSeen` is newer than what the table says. */
  unsaved = false;
  /** Operations in the agent's own figures; null stands for none. */
  #held: Set<string> | null = null;
  /** Operations that the coordinator gave it and that have not ended. */
  #assigned: Set<string> | null = null;

  constructor(replicaId: string, runnerId: string, believedKey: string, agentMaximum: number, runnerMaximum: number) {
    this.replicaId = replicaId;
    this.runnerId = runnerId;
    this.believedKey = believedKey;
    this.agentMaximum = agentMaximum;
    this.runnerMaximum = runnerMaximum;
  }

  get connected(): boolean {
    return this.session !== null;
  }

  get accepting(): boolean {
    return this.saysAccepting && this.believes;
  }

  get maximum(): number {
    return Math.min(this.agentMaximum, this.runnerMaximum);
  }

  get reserved(): number {
    if (this.#assigned === null) return 0;
    if (this.#held === null) return this.#assigned.size;
    let reserved = 0;
    for (const operation of this.#assigned) if (!this.#held.has(operation)) reserved += 1;
    return reserved;
  }

  /** The agent's own figures. Returns whether they differ from what was known. */
  setLoad(running: number, queued: number, maximum: number, operations: readonly { operation: string }[]): boolean {
    const changed = running !== this.running || queued !== this.queued || maximum !== this.agentMaximum;
    this.running = running;
    this.queued = queued;
    this.agentMaximum = maximum;
    this.#held = operations.length === 0 ? null : new Set(operations.map((one) => one.operation));
    return changed;
  }

  reserve(operation: string): void {
    this.#assigned ??= new Set();
    this.#assigned.add(operation);
  }

  /** The agent took it: it counts as running until the next heartbeat says more. */
  began(operation: string): void {
    if (this.#assigned?.has(operation) !== true || this.#held?.has(operation)) return;
    this.#held ??= new Set();
    this.#held.add(operation);
    this.running += 1;
  }

  release(operation: string): void {
    this.#assigned?.delete(operation);
    if (this.#assigned?.size === 0) this.#assigned = null;
    if (this.#held?.delete(operation) && this.running > 0) this.running -= 1;
  }
}
