import { readdir } from 'node:fs/promises';
import type { Log } from '../log.ts';
import { type FoundOperation, forgetAccepted, readAccepted } from './accepted-store.ts';
import { type HeldOperation, operationKey, removeWorkingFolder } from './held-operation.ts';
import {
  acceptedFile,
  namesByKey,
  operationPlace,
  type PlaceNames,
  returnedFile,
  segmentFile,
} from './operation-place.ts';
import { removeFolder } from './remove-folder.ts';
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
  const recovered: RecoveredOperation[] = [];
  for (const { found, names, place } of await readAll(root, log)) {
    const { operation, planBytes, maximum, emptyMeansNotBegun } = found;
    const key = operationKey(operation.operation, operation.attempt);
    if (isDone(key)) {
      await removeAll(place, names);
      continue;
    }
    let firstOpenStep = 0;
    let isFinished = false;
    const { returned } = names;
    const shared = { path: returned ? returnedFile(place) : acceptedFile(place), planBytes };
    const spool = await Spool.recover(place, shared, names.segments, spoolOptions(key), ({ kind, step }) => {
      if (kind === 'finished') isFinished = true;
      else if (kind === 'step-finished') firstOpenStep = step + 1;
      else if (kind === 'step-started' || kind === 'output') firstOpenStep = step;
    });
    const begun = spool.next === 0 && emptyMeansNotBegun ? 'queued' : 'running';
    const open = returned ? 'returned' : begun;
    if (isFinished) await removeWorkingFolder(place);
    await spool.release();
    recovered.push({
      firstOpenStep,
      maximum,
      held: {
        key,
        operation,
        place,
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

interface Found {
  readonly found: FoundOperation;
  readonly names: PlaceNames;
  readonly place: string;
}

/** What was accepted, in the order in which it was. What was not, or is forgotten already, is deleted. */
async function readAll(root: string, log: Log): Promise<Found[]> {
  const all: Found[] = [];
  for (const [key, names] of namesByKey(await readdir(root))) {
    const place = operationPlace(root, key);
    if (!names.accepted && !names.returned) {
      await removeAll(place, names);
      continue;
    }
    try {
      const file = names.returned ? returnedFile(place) : acceptedFile(place);
      all.push({ found: await readAccepted(file, key), names, place });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      log.warn('A file of an operation holds no whole plan; it was never accepted and is deleted.', { key, detail });
      await removeAll(place, names);
    }
  }
  return all.sort(({ found: a }, { found: b }) => a.acceptedAt - b.acceptedAt || a.order - b.order);
}

async function removeAll(place: string, { segments }: PlaceNames): Promise<void> {
  await forgetAccepted(place);
  for (const first of segments) await removeFolder(segmentFile(place, first));
  await removeWorkingFolder(place);
}
