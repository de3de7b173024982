import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import type { Clock, Timer } from '../../protocol/clock.ts';
import { CgroupFolder } from './cgroup-folder.ts';
import { type CgroupHome, KEPT } from './cgroup-home.ts';
import type { Confinement, OperationConfinement } from './confinement.ts';
import { type ProcessFacts, processFacts } from './linux-processes.ts';

/** A step that ends sooner than this has no group made for it: most commands need none. */
const SETTLE_MS = 5;
/** How often groups of what was left running are looked at, to remove those that are empty. */
const SWEEP_MS = 60_000;
/** A process that keeps forking and ending may slip away from a move a few times; each try has good odds. */
const ROUNDS = 100;

export interface CgroupConfinementDeps {
  readonly clock: Clock;
  readonly onTrouble: (detail: string) => void;
  /** Linux before 5.14 cannot end a group in one go. */
  readonly mayKill?: boolean;
}

interface Member {
  readonly key: string;
  readonly group: CgroupFolder;
  readonly claims: (facts: ProcessFacts) => boolean;
  readonly windows: Window[];
  isMade: boolean;
}

/** When a child of a step may have been born outside of its group, in ticks since the boot. */
interface Window {
  readonly pid: number;
  /** When the step's own process was born: it may have been kept ready for long. */
  readonly born: number;
  readonly from: number;
  to: number | null;
}

/**
 * A control group for each operation. A step is born in the agent's own group, since Node cannot start it elsewhere, and is
 * moved a moment later: moving takes the kernel 5 to 30 ms, which no step should wait for. What it has started meanwhile is
 * still in the agent's group, where nothing else is born: each process there belongs to a step. To which, its session,
 * parents, marks, output and working folder tell; and if it has shed all of them, its time of birth, when only one operation
 * had a step that was not moved yet. So one alone may be missed: it sheds everything within milliseconds, while a step of
 * another operation begins. It is let alone, since it may be the other's.
 */
export class CgroupConfinement implements Confinement {
  readonly kind = 'cgroup';
  readonly detail: string;
  readonly #home: CgroupHome;
  readonly #deps: CgroupConfinementDeps;
  readonly #members = new Map<string, Member>();
  /** Groups of operations that are over; removed when they are empty. */
  readonly #over = new Map<string, CgroupFolder>();
  readonly #sweeper: Timer;
  /** Operations that ended before all of their steps were looked at. */
  #ending: (() => Promise<void>)[] = [];
  #settling: Timer | null = null;
  #pass: Promise<void> = Promise.resolve();

  constructor(home: CgroupHome, deps: CgroupConfinementDeps) {
    this.#home = home;
    this.#deps = deps;
    this.detail = home.folder;
    this.#sweeper = deps.clock.every(SWEEP_MS, () => void this.#next(() => this.#sweep()));
  }

  of(key: string, claims: (facts: ProcessFacts) => boolean): OperationConfinement {
    const path = this.#home.left.get(key) ?? join(this.#home.folder, key);
    const group = new CgroupFolder(path, this.#deps.mayKill);
    const member: Member = { key, group, claims, windows: [], isMade: this.#home.left.has(key) };
    return {
      entered: ({ pid, startTicks }, wasReady) => {
        this.#members.set(key, member);
        const born = Number(startTicks);
        member.windows.push({ pid, born, from: wasReady ? Math.max(born, Math.floor(ticksNow())) : born, to: null });
        this.#settleSoon();
      },
      members: async () => {
        await this.#next(() => this.#moveAll());
        return member.isMade ? await group.members() : [];
      },
      kill: async () => {
        await this.#next(() => this.#moveAll());
        if (member.isMade) await group.kill();
      },
      over: (keep) => {
        this.#ending.push(() => this.#end(member, keep));
        this.#settleSoon();
      },
    };
  }

  async left(): Promise<string[]> {
    return [...this.#home.left.keys()];
  }

  async keep(key: string): Promise<void> {
    const path = this.#home.left.get(key);
    if (path !== undefined) await this.#next(() => this.#keep(key, new CgroupFolder(path)));
  }

  async close(): Promise<void> {
    this.#sweeper.cancel();
    await this.#next(() => this.#settle());
    await this.#next(() => this.#sweep());
    await this.#home.leave();
  }

  /** One thing after the other: the kernel makes them wait for each other anyway, and threads are few. */
  #next(act: () => Promise<void>): Promise<void> {
    this.#pass = this.#pass.then(act).catch((error: unknown) => this.#trouble(error));
    return this.#pass;
  }

  /** Without its group, an operation is searched for as on a host without groups. */
  #trouble(error: unknown): void {
    this.#deps.onTrouble(error instanceof Error ? error.message : String(error));
  }

  #settleSoon(): void {
    this.#settling ??= this.#deps.clock.after(SETTLE_MS, () => void this.#next(() => this.#settle()));
  }

  async #settle(): Promise<void> {
    this.#settling?.cancel();
    this.#settling = null;
    const ending = this.#ending;
    this.#ending = [];
    await this.#moveAll();
    for (const end of ending) await end();
  }

  /** Moves what is in the agent's own group into that of its operation, until nothing is there that can be told apart. */
  async #moveAll(): Promise<void> {
    const unknown = new Set<number>();
    for (let round = 0; round < ROUNDS; round++) {
      const open = [...this.#members.values()].flatMap(({ windows }) => windows.filter(({ to }) => to === null));
      const here = new Set(await this.#home.leaf.ownMembers());
      // A step that was begun before this look and is not here has ended or was moved: no more of it is born here.
      for (const window of open) if (!here.has(window.pid)) window.to = ticksNow();
      const strays = [...here].filter((pid) => pid !== process.pid && !unknown.has(pid));
      if (strays.length === 0) return;
      for (const pid of strays) {
        const member = this.#ownerOf(pid);
        if (member === null || !(await this.#move(pid, member))) unknown.add(pid);
      }
    }
  }

  async #move(pid: number, member: Member): Promise<boolean> {
    try {
      if (!member.isMade) await member.group.make();
      member.isMade = true;
      await member.group.enter(pid);
      return true;
    } catch (error) {
      this.#trouble(error);
      return false;
    }
  }

  #ownerOf(pid: number): Member | null {
    const facts = processFacts(pid);
    if (facts === null) return null;
    const all = [...this.#members.values()];
    const born = Number(facts.startTicks);
    const direct = all.find(({ windows }) => windows.some((window) => window.pid === pid && window.born === born));
    if (direct !== undefined) return direct;
    // Of the agent itself, and no step: a program that it uses.
    if (facts.parent === process.pid) return null;
    const group = groupOf(facts.parent);
    const claimed = all.find((one) => group?.endsWith(`/${one.key}`) || one.claims(facts));
    if (claimed !== undefined) return claimed;
    const possible = all.filter(({ windows }) => windows.some((window) => isBornIn(born, window)));
    return possible.length === 1 ? (possible[0] ?? null) : null;
  }

  async #end(member: Member, keep: boolean): Promise<void> {
    this.#members.delete(member.key);
    if (!member.isMade || (await member.group.remove())) return;
    if (keep) await this.#keep(member.key, member.group);
    this.#over.set(member.key, member.group);
  }

  async #keep(key: string, group: CgroupFolder): Promise<void> {
    await new CgroupFolder(`${group.path}${KEPT}`).make();
    this.#over.set(key, group);
  }

  async #sweep(): Promise<void> {
    for (const [key, group] of this.#over) {
      if (!(await group.remove())) continue;
      await new CgroupFolder(`${group.path}${KEPT}`).remove();
      this.#over.delete(key);
    }
  }
}

/** Time since the boot as `/proc/<pid>/stat` counts it: 100 in a second on every Linux. */
function ticksNow(): number {
  return uptime() * 100;
}

/** One tick more: the kernel rounds down. */
function isBornIn(born: number, { from, to }: Window): boolean {
  return born >= from && (to === null || born <= to + 1);
}

/** The control group of a process, as `/proc` says it. */
function groupOf(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/cgroup`, 'latin1')
      .split('\n')
      .find((one) => one.startsWith('0::'));
    return line?.slice(3) ?? null;
  } catch {
    return null; // It has ended.
  }
}
