import type { ProcessFacts } from './linux-processes.ts';

/**
 * Keeps the processes of each operation together, so that none can leave: what a system has for that (control groups of
 * Linux), or nothing, and then processes are searched for. See `process-tree.ts` for what a search goes by.
 */
export interface Confinement {
  /** In use: `cgroup`, or `search` when this host or user has none. */
  readonly kind: 'cgroup' | 'search';
  /** Where they are made, or why there are none; for a person. */
  readonly detail: string;
  /**
   * That of one attempt of an operation; `claims` tells whether a process that was found outside of all of them provably
   * belongs to it.
   */
  of(key: string, claims: (facts: ProcessFacts) => boolean): OperationConfinement;
  /** Attempts that an earlier process of the agent left processes of, without those that were kept on purpose. */
  left(): Promise<string[]>;
  /** What is left of this attempt was left on purpose: it is not ended, now or at a later start. */
  keep(key: string): Promise<void>;
  /** Leaves nothing behind but what still has processes in it. */
  close(): Promise<void>;
}

/** The processes of one attempt of an operation, held together. */
export interface OperationConfinement {
  /**
   * The main process of a step was started. Costs the step nothing: the rest happens behind its back. `wasReady`: it is older
   * than the step, and has started nothing yet.
   */
  entered(facts: ProcessFacts, wasReady: boolean): void;
  /** Everything that lives in it. */
  members(): Promise<number[]>;
  /** Ends everything in it at once. */
  kill(): Promise<void>;
  /** The operation is over. `keep`: what its steps left in the background goes on, and is let alone for good. Nobody needs to wait. */
  over(keep: boolean): void;
}

const NONE: OperationConfinement = {
  entered: () => undefined,
  members: async () => [],
  kill: async () => undefined,
  over: () => undefined,
};

/** No confinement: the reason is told to people. */
export function searchOnly(detail: string): Confinement {
  return {
    kind: 'search',
    detail,
    of: () => NONE,
    left: async () => [],
    keep: async () => undefined,
    close: async () => undefined,
  };
}

/** In one line, what stops rely on. */
export function describeConfinement({ kind, detail }: Pick<Confinement, 'kind' | 'detail'>): string {
  return kind === 'cgroup'
    ? `each operation has a control group: nothing that it starts can leave its stop (${detail})`
    : `processes are found by session, parents, marks, output and working folder (no control groups: ${detail})`;
}
