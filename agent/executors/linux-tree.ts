import type { Clock, Timer } from '../../protocol/clock.ts';
import type { OperationConfinement } from './confinement.ts';
import {
  childrenOf,
  holdsPipe,
  isMarked,
  isOurUser,
  linuxCommandLine,
  livingProcesses,
  type ProcessFacts,
  pipeBehind,
  processFacts,
  worksIn,
} from './linux-processes.ts';
import { type FoundProcess, type ProcessTree, trySignal } from './process-tree.ts';

/** How often the children of a running step are looked at: one that loses its parent later is then known already. */
const WATCH_MS = 1_000;

export interface LinuxTreeDeps {
  readonly operation: string;
  /** The operation's own working folder. */
  readonly workFolder: string;
  readonly clock: Clock;
  readonly confine: (claims: (facts: ProcessFacts) => boolean) => OperationConfinement;
}

/**
 * The processes of an operation on Linux: what is in its confinement, and what provably belongs to it by other signs. It
 *
 * - carries the operation's mark in its environment, or
 * - is in a session or group that a step has begun (a number is not given away while one of the group lives), or
 * - is a child of one that belongs to it, or was seen to be one at an earlier look, or
 * - holds the output of a step, which only what it started can have got from it, or
 * - works in the operation's own folder, as our user, without a terminal, and began after the first step.
 *
 * A number alone proves nothing, since numbers are used again: each process is known with the time at which it began.
 */
export class LinuxTree implements ProcessTree {
  readonly #deps: LinuxTreeDeps;
  readonly #confinement: OperationConfinement;
  /** Main processes of the steps so far, living or not: number → begin. */
  readonly #roots = new Map<number, string>();
  /** What was seen to belong to it: number → begin. */
  readonly #known = new Map<number, string>();
  readonly #outputs = new Set<string>();
  /** When the first step began, in ticks; null: in an earlier process of the agent. */
  #since: number | null = null;
  #watch: Timer | null = null;

  constructor(deps: LinuxTreeDeps) {
    this.#deps = deps;
    this.#confinement = deps.confine((facts) => this.#claims(facts));
  }

  entered(pid: number, wasReady = false): void {
    // Its end is not collected before the next turn of the loop: it is there, alive or not.
    const facts = processFacts(pid);
    if (facts === null) return;
    this.#since ??= Number(facts.startTicks);
    this.#roots.set(pid, facts.startTicks);
    this.#known.set(pid, facts.startTicks);
    for (const descriptor of [1, 2]) {
      const pipe = pipeBehind(pid, descriptor);
      if (pipe !== null) this.#outputs.add(pipe);
    }
    this.#confinement.entered(facts, wasReady);
    this.#watch ??= this.#deps.clock.every(WATCH_MS, () => this.#look());
  }

  async find(): Promise<FoundProcess[]> {
    const confined = new Set(await this.#confinement.members());
    const all = livingProcesses();
    const found = new Map<number, ProcessFacts>();
    for (const facts of all.values()) {
      if (confined.has(facts.pid) || this.#isKnown(facts) || this.#isSigned(facts)) found.set(facts.pid, facts);
    }
    for (let grew = true; grew; ) {
      grew = false;
      const numbers = this.#numbersOf(found);
      for (const facts of all.values()) {
        if (found.has(facts.pid)) continue;
        if (!found.has(facts.parent) && !numbers.has(facts.session) && !numbers.has(facts.group)) continue;
        found.set(facts.pid, facts);
        grew = true;
      }
    }
    for (const { pid, startTicks } of found.values()) this.#known.set(pid, startTicks);
    return [...found.values()].map(({ pid, startTicks }) => ({
      pid,
      born: startTicks,
      command: linuxCommandLine(pid),
    }));
  }

  async signal(found: readonly FoundProcess[], hard: boolean): Promise<void> {
    const name = hard ? 'SIGKILL' : 'SIGTERM';
    if (hard) await this.#confinement.kill();
    // Groups first, each in one go: a fork bomb must not outrun a walk over its members.
    const groups = new Set<number>();
    for (const { pid, born } of found) if (this.#roots.get(pid) === born && isStill(pid, born)) groups.add(pid);
    for (const pid of groups) trySignal(-pid, name);
    for (const { pid, born } of found) if (!groups.has(pid) && isStill(pid, born)) trySignal(pid, name);
  }

  over(keep: boolean): void {
    this.#watch?.cancel();
    this.#watch = null;
    this.#confinement.over(keep);
  }

  /** Remembers the descendants that live now; cheap, since it asks only for the children of what is known. */
  #look(): void {
    const queue = [...this.#known].filter(([pid, born]) => {
      if (isStill(pid, born)) return true;
      this.#known.delete(pid);
      return false;
    });
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      for (const pid of childrenOf(next[0])) {
        const facts = this.#known.has(pid) ? null : processFacts(pid);
        if (facts === null) continue;
        this.#known.set(pid, facts.startTicks);
        queue.push([pid, facts.startTicks]);
      }
    }
  }

  #isKnown({ pid, startTicks }: ProcessFacts): boolean {
    return this.#known.get(pid) === startTicks;
  }

  /** Sessions and groups of steps that one of these is in: such a number is not given away again while it lives. */
  #numbersOf(found: ReadonlyMap<number, ProcessFacts>): Set<number> {
    const numbers = new Set<number>();
    for (const { session, group } of found.values()) {
      if (this.#roots.has(session)) numbers.add(session);
      if (this.#roots.has(group)) numbers.add(group);
    }
    return numbers;
  }

  /** What it carries by itself proves that it belongs to this operation. */
  #isSigned(facts: ProcessFacts): boolean {
    const { operation, workFolder } = this.#deps;
    if (isMarked(facts.pid, operation)) return true;
    if (this.#since !== null && Number(facts.startTicks) < this.#since) return false;
    if (this.#outputs.size > 0 && holdsPipe(facts.pid, this.#outputs)) return true;
    return facts.terminal === 0 && worksIn(facts.pid, workFolder) && isOurUser(facts.pid);
  }

  #claims(facts: ProcessFacts): boolean {
    const parent = processFacts(facts.parent);
    return (
      this.#roots.has(facts.session) ||
      this.#roots.has(facts.group) ||
      (parent !== null && this.#isKnown(parent)) ||
      this.#isSigned(facts)
    );
  }
}

/** Whether the process with this number is still the one that began then. */
function isStill(pid: number, born: string): boolean {
  return processFacts(pid)?.startTicks === born;
}
