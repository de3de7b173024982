import { rm } from 'node:fs/promises';
import type { Log } from '../log.ts';
import { forgetAccepted, readAccepted } from './accepted-store.ts';
import { type HeldOperation, operationKey, removeWorkingFolder } from './held-operation.ts';
import { Spool, type SpoolOptions } from './spool.ts';

export interface RecoverDeps {
  /** Folder of the operations; exists. */
  readonly root: string;
  readonly log: Log;
  /** The coordinator needs nothing more of this attempt: its deletion was cut off by a crash. */
  readonly isDone: (key: string) => boolean;
  readonly spoolOptions: (key: string) => SpoolOptions;
}

export interface RecoveredOperation {
  readonly held: HeldOperation;
  /** The step that was running, when the phase is `running`. */
  readonly firstOpenStep: number;
  /** How many might run at once when it was accepted. */
  readonly maximum: number;
}

/**
 * Reads what an earlier process of the agent left, oldest first. Its phase is `finished` when its last record is there,
 * `returned` when it was handed back, `queued` when it provably never began, else `running`: then it has to be ended.
 */
export async function recoverOperations({
  root,
  log,
  isDone,
  spoolOptions,
}: RecoverDeps): Promise<RecoveredOperation[]> {
  const found = await readAccepted(root, (name, detail) => {
    log.warn('A folder of an operation holds no whole plan; it was never accepted and is deleted.', { name, detail });
  });
  const recovered: RecoveredOperation[] = [];
  for (const { operation, folder, maximum, emptyMeansNotBegun, returned } of found) {
    const key = operationKey(operation.operation, operation.attempt);
    if (isDone(key)) {
      forgetAccepted(folder);
      await rm(folder, { recursive: true, force: true });
      continue;
    }
    let firstOpenStep = 0;
    let isFinished = false;
    const spool = await Spool.recover(folder, spoolOptions(key), ({ kind, step }) => {
      if (kind === 'finished') isFinished = true;
      else if (kind === 'step-finished') firstOpenStep = step + 1;
      else if (kind === 'step-started' || kind === 'output') firstOpenStep = step;
    });
    const begun = spool.next === 0 && emptyMeansNotBegun ? 'queued' : 'running';
    const open = returned ? 'returned' : begun;
    if (isFinished) await removeWorkingFolder(folder);
    await spool.release();
    recovered.push({
      firstOpenStep,
      maximum,
      held: {
        key,
        operation,
        folder,
        spool,
        phase: isFinished ? 'finished' : open,
        run: null,
        stopOrder: null,
        settled: Promise.resolve(),
        waited: true,
      },
    });
  }
  return recovered;
}
