import { z } from 'zod';
import type { RunnerMode, RunnerStatus } from './status.ts';
import { missingTags } from './tags.ts';

/**
 * Which Runner gets an operation, and why the others do not: one pure function, so that "Why is this waiting?" and the
 * choice itself can never disagree. Order: spec 7.2 (fewest operations, then most recent check-in), then id.
 */

export const SelectionRuleSchema = z
  .enum([
    'project',
    'tags',
    'mode',
    'never-connected',
    'status',
    'connection',
    'protocol',
    'stopping',
    'refused',
    'capacity',
  ])
  .meta({ id: 'SelectionRule' });
export type SelectionRule = z.infer<typeof SelectionRuleSchema>;

/** One replica that could take work now. */
export interface CandidateReplica {
  readonly replicaId: string;
  /** A session is open at this instant. */
  readonly connected: boolean;
  readonly speaksProtocol: boolean;
  /** false: its agent is being stopped. */
  readonly accepting: boolean;
  /** It has said "not now" a moment ago, with these words, and is left alone for a few seconds; null: it has not. */
  readonly refusal: string | null;
  /** Names of the self-checks that fail there now; a replica with one takes no work. */
  readonly failingChecks: readonly string[];
  /** Running and queued there, as it last said, plus what the coordinator reserved since. */
  readonly load: number;
  /** How many more operations it takes, after reservations. */
  readonly credit: number;
  readonly lastSeen: number | null;
}

export interface CandidateRunner {
  readonly runnerId: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly mode: RunnerMode;
  readonly modeReason: string | null;
  readonly status: RunnerStatus;
  readonly statusReason: string;
  readonly assignedToProject: boolean;
  readonly replicas: readonly CandidateReplica[];
}

export interface FailedRule {
  readonly rule: SelectionRule;
  /** In this case, for a person. */
  readonly detail: string;
}

/** The first rule that this Runner fails for a selection by `tags`; null when it can take work now. */
export function firstFailedRule(runner: CandidateRunner, tags: readonly string[]): FailedRule | null {
  if (!runner.assignedToProject) return { rule: 'project', detail: 'It is not assigned to this project.' };
  const missing = missingTags(tags, runner.tags);
  if (missing.length > 0) {
    return { rule: 'tags', detail: `It lacks the ${missing.length === 1 ? 'tag' : 'tags'} ${missing.join(', ')}.` };
  }
  if (runner.mode !== 'active') {
    return { rule: 'mode', detail: `It is ${runner.mode}${runner.modeReason ? `: ${runner.modeReason}` : ''}.` };
  }
  if (runner.status === 'New') return { rule: 'never-connected', detail: 'It has never connected.' };
  if (runner.status === 'Unknown' || runner.status === 'Down') {
    return { rule: 'status', detail: `It is ${runner.status}: ${runner.statusReason}` };
  }
  const connected = runner.replicas.filter((replica) => replica.connected);
  if (connected.length === 0) return { rule: 'connection', detail: 'Its connection is closed; it is reconnecting.' };
  const speaking = connected.filter((replica) => replica.speaksProtocol);
  if (speaking.length === 0) return { rule: 'protocol', detail: 'Its version is too old for this work.' };
  const sound = speaking.filter((replica) => replica.failingChecks.length === 0);
  if (sound.length === 0) return { rule: 'status', detail: `It is ${runner.status}: ${runner.statusReason}` };
  const staying = sound.filter((replica) => replica.accepting);
  if (staying.length === 0)
    return { rule: 'stopping', detail: 'Its agent takes no new work: it is being stopped or upgraded.' };
  const willing = staying.filter((replica) => replica.refusal === null);
  if (willing.length === 0) {
    return {
      rule: 'refused',
      detail: `It has just refused work, and is asked again in a moment: ${staying[0]?.refusal}`,
    };
  }
  if (willing.every((replica) => replica.credit <= 0)) {
    return {
      rule: 'capacity',
      detail: `It is full: ${willing.reduce((sum, replica) => sum + replica.load, 0)} operations.`,
    };
  }
  return null;
}

export interface Choice {
  readonly runnerId: string;
  readonly replicaId: string;
}

/**
 * The best Runner and replica for a selection by `tags`, or null when none can take work now. Among Runners: fewest
 * operations, then most recent check-in, then id; the same order among the replicas of one Runner. Total and
 * deterministic: the order of the input does not matter.
 */
export function chooseRunner(runners: readonly CandidateRunner[], tags: readonly string[]): Choice | null {
  interface Ranked {
    runnerId: string;
    replicaId: string;
    runnerLoad: number;
    runnerSeen: number;
    load: number;
    seen: number;
  }
  let best: Ranked | null = null;
  for (const runner of runners) {
    if (firstFailedRule(runner, tags) !== null) continue;
    const usable = runner.replicas.filter(
      ({ connected, speaksProtocol, failingChecks, accepting, refusal }) =>
        connected && speaksProtocol && accepting && refusal === null && failingChecks.length === 0,
    );
    const runnerLoad = usable.reduce((sum, replica) => sum + replica.load, 0);
    const runnerSeen = Math.max(...usable.map((replica) => replica.lastSeen ?? 0));
    for (const replica of usable) {
      if (replica.credit <= 0) continue;
      const { replicaId, load } = replica;
      const one = { runnerId: runner.runnerId, replicaId, runnerLoad, runnerSeen, load, seen: replica.lastSeen ?? 0 };
      if (best === null || isBefore(one, best)) best = one;
    }
  }
  return best === null ? null : { runnerId: best.runnerId, replicaId: best.replicaId };

  function isBefore(a: Ranked, b: Ranked): boolean {
    if (a.runnerLoad !== b.runnerLoad) return a.runnerLoad < b.runnerLoad;
    if (a.runnerSeen !== b.runnerSeen) return a.runnerSeen > b.runnerSeen;
    if (a.runnerId !== b.runnerId) return a.runnerId < b.runnerId;
    if (a.load !== b.load) return a.load < b.load;
    if (a.seen !== b.seen) return a.seen > b.seen;
    return a.replicaId < b.replicaId;
  }
}
