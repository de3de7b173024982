import type { Replica, Runner } from '../../protocol/api/runners.ts';
import {
  type CandidateReplica,
  type CandidateRunner,
  type FailedRule,
  firstFailedRule,
} from '../../protocol/selection.ts';

/** What the rule of the coordinator wants to know of a Runner, as far as the console can see it. */
export function candidateOf(runner: Runner, project: string): CandidateRunner {
  const room = (replica: Replica) => Math.max(0, replica.maximum - replica.running - replica.queued);
  return {
    runnerId: runner.id,
    name: runner.name,
    tags: runner.tags,
    mode: runner.mode,
    modeReason: runner.modeReason,
    status: runner.status,
    statusReason: runner.statusReason,
    assignedToProject: runner.projects.some((assignment) => assignment.project === project),
    replicas: runner.replicas.map(
      (replica): CandidateReplica => ({
        replicaId: replica.id,
        connected: replica.connected,
        // A replica of another protocol is turned away at the door: a connected one speaks it.
        speaksProtocol: true,
        accepting: replica.accepting,
        // Known to the coordinator alone: it says so when something waits for it.
        refusal: null,
        failingChecks: replica.checks.filter(({ ok }) => !ok).map(({ check }) => check),
        load: replica.running + replica.queued,
        credit: room(replica),
        lastSeen: replica.lastSeen === null ? null : Date.parse(replica.lastSeen),
      }),
    ),
  };
}

export interface RunnerMatch {
  readonly runner: Runner;
  /** Why it would not take work now; null when it would. */
  readonly failed: FailedRule | null;
}

/**
 * The Runners that a selection by tags means, and for each whether it would take work at this moment: those that would
 * first. Runners of other projects are left out.
 */
export function matchingRunners(runners: readonly Runner[], project: string, tags: readonly string[]): RunnerMatch[] {
  return runners
    .map((runner) => ({ runner, candidate: candidateOf(runner, project) }))
    .filter(({ candidate }) => candidate.assignedToProject)
    .map(({ runner, candidate }) => ({ runner, failed: firstFailedRule(candidate, tags) }))
    .sort(
      (a, b) => Number(a.failed !== null) - Number(b.failed !== null) || a.runner.name.localeCompare(b.runner.name),
    );
}
