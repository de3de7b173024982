/** What the rows of an execution and its operation say of who has it. */

/** A replica that was chosen, with a slot reserved on it. */
export interface Chosen {
  readonly runnerId: string;
  readonly replicaId: string;
  readonly runnerName: string;
  readonly hostname: string;
}

/** What the operation's row says once it is offered. */
export function givenTo(chosen: Chosen, now: number, leaseSeconds: number) {
  return {
    runner_id: chosen.runnerId,
    replica_id: chosen.replicaId,
    offered_at: now,
    lease_until: now + leaseSeconds * 1000,
  };
}

/** What the execution's row says of who runs it. */
export function runnerOf(chosen: Chosen) {
  return {
    runner_id: chosen.runnerId,
    runner_name: chosen.runnerName,
    replica_id: chosen.replicaId,
    replica_hostname: chosen.hostname,
  };
}

/** The same rows while nobody has it. */
export const TO_NOBODY = {
  operation: { runner_id: null, replica_id: null, offered_at: null, accepted_at: null, lease_until: null },
  execution: { runner_id: null, runner_name: null, replica_id: null, replica_hostname: null },
} as const;
