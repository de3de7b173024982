import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalRecord } from '../../protocol/journal.ts';
import { StartedPayloadSchema } from '../../protocol/journal.ts';
import type { Log } from '../log.ts';
import { type FoundOperation, readSlot } from './accepted-store.ts';
import { type HeldOperation, operationKey, removeWorkingFolder } from './held-operation.ts';
import { operationPlace, SLOT_NAME, segmentFile, segmentsByKey } from './operation-place.ts';
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
  const names = await readdir(root);
  const segments = segmentsByKey(names);
  const recovered: RecoveredOperation[] = [];
  const keys = new Set<string>();
  for (const found of await readSlots(root, names, log)) {
    const { operation, slot, returned, planBytes, maximum, emptyMeansNotBegun } = found;
    const key = operationKey(operation.operation, operation.attempt);
    // Its deletion was cut off by a crash; or a power cut has brought back what was wiped.
    if (isDone(key) || keys.has(key)) {
      await unlink(slot.path);
      continue;
    }
    keys.add(key);
    const place = operationPlace(root, key);
    const firsts = segments.get(key) ?? [];
    segments.delete(key);
    let firstOpenStep = 0;
    let isFinished = false;
    const shared = { path: slot.path, planBytes, isOurs: (record: JournalRecord) => beginsJournalOf(found, record) };
    const spool = await Spool.recover(place, shared, firsts, spoolOptions(key), ({ kind, step }) => {
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
        slot,
        place,
        spool,
        phase: isFinished ? 'finished' : open,
        run: null,
        stopOrder: null,
        givenUp: false,
        settled: Promise.resolve(),
        waited: true,
      },
    });
  }
  for (const [key, firsts] of segments) await removeBeside(operationPlace(root, key), firsts);
  return recovered;
}

/** What was accepted, in the order in which it was. Slots that hold nothing are deleted. */
async function readSlots(root: string, names: readonly string[], log: Log): Promise<FoundOperation[]> {
  const all: FoundOperation[] = [];
  for (const name of names) {
    if (!SLOT_NAME.test(name)) continue;
    try {
      const found = await readSlot(root, name);
      if (found !== null) {
        all.push(found);
        continue;
      }
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      log.warn('A slot holds no whole plan; it was never accepted and is deleted.', { name, detail });
    }
    await unlink(join(root, name));
  }
  return all.sort((a, b) => a.acceptedAt - b.acceptedAt || a.order - b.order);
}

/**
 * Whether a first record begins the journal of this operation. A power cut in the middle of the first write may leave a new plan
 * in front of the records of the operation that had the slot before; the first of them names it.
 */
function beginsJournalOf({ operation: { operation, attempt } }: FoundOperation, record: JournalRecord): boolean {
  if (record.kind !== 'started') return false;
  const read = StartedPayloadSchema.safeParse(JSON.parse(Buffer.from(record.payload).toString('utf8')));
  return read.success && read.data.operation === operation && read.data.attempt === attempt;
}

/** What belongs to no operation that is here: its slot is gone. */
async function removeBeside(place: string, firsts: readonly number[]): Promise<void> {
  for (const first of firsts) await removeFolder(segmentFile(place, first));
  await removeWorkingFolder(place);
}
