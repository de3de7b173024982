import type { Clock } from '../../protocol/clock.ts';
import type { Confinement } from '../executors/confinement.ts';
import { forest } from '../executors/forest.ts';
import { stopTree } from '../executors/process-tree.ts';
import type { StatusFile } from '../host/status-file.ts';
import type { Log } from '../log.ts';
import { operationKey } from './held-operation.ts';
import { operationPlace, workFolder } from './operation-place.ts';

const GRACE_MS = 5_000;

export interface OrphanDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly confinement: Confinement;
  /** What was recovered from the folders: it is ended there, with its journal. */
  readonly operations: { isKnown(key: string): boolean; unfinished(): { operation: string; attempt: number }[] };
  /** What an earlier agent on this state folder said last. */
  readonly before: StatusFile | null;
  /** Folder of the operations. */
  readonly root: string;
}

/**
 * Ends what an earlier process of the agent left running of operations whose folder is gone: those that have a control group,
 * and those that its status named as running. What belongs to an operation that has ended in order was left running on
 * purpose, and goes on.
 */
export async function endOrphans(deps: OrphanDeps): Promise<void> {
  const { clock, log, confinement, operations, before, root } = deps;
  const recovered = new Set(operations.unfinished().map(({ operation, attempt }) => operationKey(operation, attempt)));
  const confined = await confinement.left();
  const candidates = new Set([
    ...confined,
    ...(before?.operations ?? []).map(({ operation, attempt }) => operationKey(operation, attempt)),
  ]);
  const trees = forest(clock, confinement);
  for (const key of candidates) {
    if (recovered.has(key)) continue;
    if (operations.isKnown(key)) {
      if (confined.includes(key)) await confinement.keep(key);
      continue;
    }
    const [operation = '', attempt = ''] = key.split('.');
    const folder = workFolder(operationPlace(root, key));
    const tree = trees({ operation, attempt: Number(attempt), workFolder: folder });
    const found = await tree.find();
    if (found.length > 0) {
      log.warn('Processes of an operation that is not here any more are ended.', {
        operation,
        processes: found.length,
      });
    }
    const survivors = await stopTree(tree, GRACE_MS, clock);
    tree.over(false);
    for (const { pid, command } of survivors) {
      log.error('A process of an operation that is not here any more could not be stopped.', {
        operation,
        pid,
        command,
      });
    }
  }
}
