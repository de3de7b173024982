import type { Operation } from '../../protocol/operation.ts';
import type { HeldOperation as HeldFacts } from '../../protocol/wire.ts';
import type { Slot } from './accepted-store.ts';
import { scriptsFolder, workFolder } from './operation-place.ts';
import { removeFolder } from './remove-folder.ts';
import type { OperationRun, StopOrder } from './run-operation.ts';
import type { Spool } from './spool.ts';

/** Identifies one attempt of one operation. */
export function operationKey(operation: string, attempt: number): string {
  return `${operation}.${attempt}`;
}

/** An operation that the agent has accepted and not yet deleted. */
export interface HeldOperation {
  readonly key: string;
  readonly operation: Operation;
  /** The file that holds it. */
  readonly slot: Slot;
  /** Where the rest of it lies on the disk: see `operation-place.ts`. */
  readonly place: string;
  readonly spool: Spool;
  /** `returned`: it never started, is handed back, and only waits for the coordinator to say that it knows. */
  phase: 'queued' | 'running' | 'finished' | 'returned';
  /** Present while its steps run in this process. */
  run: OperationRun | null;
  /** It was asked to stop while it waited. */
  stopOrder: StopOrder | null;
  /** What is being done with it in the background: ending it after a restart, cleaning up. */
  settled: Promise<void>;
  /** It is being forgotten: its slot may be another's at any moment. */
  givenUp: boolean;
  /** It has to be durable that it begins, before it does: it waited in the queue. */
  readonly waited: boolean;
}

/** How messages name it. */
export function refOf({ operation: { operation, attempt } }: HeldOperation): { operation: string; attempt: number } {
  return { operation, attempt };
}

/** What `hello` says of it. */
export function heldFacts({ operation, spool, phase }: HeldOperation): HeldFacts {
  return {
    operation: operation.operation,
    attempt: operation.attempt,
    first: spool.first,
    next: spool.written,
    finished: phase === 'finished',
    returned: phase === 'returned',
  };
}

/** Deletes the working folder and the scripts; returns why not, when something could not be deleted. */
export async function removeWorkingFolder(place: string): Promise<string | null> {
  try {
    await removeFolder(workFolder(place));
    await removeFolder(scriptsFolder(place));
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
