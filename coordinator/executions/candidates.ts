import type { CandidateReplica, CandidateRunner } from '../../protocol/selection.ts';
import { type RunnerMode, runnerStatus } from '../../protocol/status.ts';
import { tagKey } from '../../protocol/tags.ts';
import type { Presence, ReplicaPresence } from '../presence.ts';
import type { Store } from '../store/store.ts';

interface KnownRunner {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly tagKeys: ReadonlySet<string>;
  readonly mode: RunnerMode;
  readonly modeReason: string | null;
  readonly modeUntil: number | null;
}

interface Known {
  readonly runners: readonly KnownRunner[];
  readonly ofProject: ReadonlyMap<string, readonly KnownRunner[]>;
}

export interface CandidateDeps {
  readonly store: Store;
  readonly presence: Presence;
  /** What a replica said that has just refused work, and so is left alone for a moment; null when it has not. */
  refusalOf(replicaId: string): string | null;
}

/** What is known at one instant; asks presence anew with every call, so that a choice sees the reservation before it. */
export interface CandidateView {
  /**
   * Runners of the project that are connected, active and have the tags: only these can be chosen. The others are left
   * out before anything is computed of them: a project may have ten thousand.
   */
  eligible(projectId: string, tags: readonly string[], now: number): CandidateRunner[];
  /** Every Runner, those of the project first, in order of their names: for people who ask why. */
  all(projectId: string, now: number): CandidateRunner[];
}

/**
 * The Runners that may be chosen: names, tags, modes and assignments from memory (read again after they changed), joined
 * with what the gateway knows at this instant.
 */
export class Candidates {
  readonly #deps: CandidateDeps;
  #known: Promise<Known> | null = null;

  constructor(deps: CandidateDeps) {
    this.#deps = deps;
  }

  /** Something of Runners, tags, modes or assignments changed. */
  forget(): void {
    this.#known = null;
  }

  async view(): Promise<CandidateView> {
    const known = await this.#read();
    return {
      eligible: (projectId, tags, now) => this.#eligible(known, projectId, tags, now),
      all: (projectId, now) => this.#all(known, projectId, now),
    };
  }

  #eligible(known: Known, projectId: string, tags: readonly string[], now: number): CandidateRunner[] {
    const wanted = tags.map(tagKey);
    const candidates: CandidateRunner[] = [];
    for (const runner of known.ofProject.get(projectId) ?? []) {
      if (modeOf(runner, now) !== 'active' || !wanted.every((tag) => runner.tagKeys.has(tag))) continue;
      const replicas = this.#deps.presence.ofRunner(runner.id);
      if (replicas.some((replica) => replica.connected)) candidates.push(this.#candidate(runner, true, replicas, now));
    }
    return candidates;
  }

  #all(known: Known, projectId: string, now: number): CandidateRunner[] {
    const assigned = new Set(known.ofProject.get(projectId) ?? []);
    const candidates = known.runners.map((runner) =>
      this.#candidate(runner, assigned.has(runner), this.#deps.presence.ofRunner(runner.id), now),
    );
    const rank = (one: CandidateRunner) => (one.assignedToProject ? 0 : 1);
    return candidates.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en'));
  }

  #candidate(
    runner: KnownRunner,
    assignedToProject: boolean,
    replicas: readonly ReplicaPresence[],
    now: number,
  ): CandidateRunner {
    const { status, reason } = runnerStatus(
      replicas.map((replica) => ({ ...seen(replica), failingChecks: failing(replica) })),
      now,
    );
    const mode = modeOf(runner, now);
    return {
      runnerId: runner.id,
      name: runner.name,
      tags: runner.tags,
      mode,
      modeReason: mode === 'active' ? null : runner.modeReason,
      status,
      statusReason: reason,
      assignedToProject,
      replicas: replicas.map((replica) => this.#replica(replica)),
    };
  }

  #replica(replica: ReplicaPresence): CandidateReplica {
    const load = replica.running + replica.queued + replica.reserved;
    return {
      replicaId: replica.replicaId,
      connected: replica.connected,
      speaksProtocol: replica.speaksProtocol,
      accepting: replica.accepting,
      failingChecks: failing(replica),
      load,
      refusal: this.#deps.refusalOf(replica.replicaId),
      credit: replica.maximum - load,
      lastSeen: replica.lastSeen,
    };
  }

  #read(): Promise<Known> {
    if (this.#known === null) {
      const reading = readRunners(this.#deps.store);
      this.#known = reading;
      // A failed read must not be kept.
      reading.catch(() => {
        if (this.#known === reading) this.#known = null;
      });
    }
    return this.#known;
  }
}

/** A pause that has an end is over then, whether or not anybody has written that down yet. */
function modeOf(runner: KnownRunner, now: number): RunnerMode {
  return runner.modeUntil !== null && runner.modeUntil <= now ? 'active' : runner.mode;
}

function seen(replica: ReplicaPresence) {
  const { lastSeen, saidGoodbye, running, maximum, connected } = replica;
  return { lastSeen, saidGoodbye, running, maximum, connected };
}

function failing(replica: ReplicaPresence): string[] {
  return replica.checks.filter((check) => !check.ok).map((check) => check.check);
}

async function readRunners(store: Store): Promise<Known> {
  const [rows, tags, assignments] = await Promise.all([
    store.read.selectFrom('runner').select(['id', 'name', 'mode', 'mode_reason', 'mode_until']).execute(),
    store.read.selectFrom('runner_tag').select(['runner_id', 'tag']).orderBy('runner_id').orderBy('position').execute(),
    store.read.selectFrom('assignment').select(['runner_id', 'project_id']).execute(),
  ]);
  const tagsOf = new Map<string, string[]>();
  for (const { runner_id, tag } of tags) tagsOf.set(runner_id, [...(tagsOf.get(runner_id) ?? []), tag]);
  const runners = new Map<string, KnownRunner>();
  for (const row of rows) {
    const { id, name, mode, mode_reason: modeReason, mode_until: modeUntil } = row;
    const own = tagsOf.get(id) ?? [];
    runners.set(id, { id, name, mode, modeReason, modeUntil, tags: own, tagKeys: new Set(own.map(tagKey)) });
  }
  const ofProject = new Map<string, KnownRunner[]>();
  for (const { runner_id, project_id } of assignments) {
    const runner = runners.get(runner_id);
    if (runner === undefined) continue;
    const list = ofProject.get(project_id);
    if (list === undefined) ofProject.set(project_id, [runner]);
    else list.push(runner);
  }
  return { runners: [...runners.values()], ofProject };
}
