import { closeSync, fsync, openSync, readFileSync, unlink, unlinkSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { SignatureSchema } from '../../protocol/enrolment.ts';
import { type Operation, OperationSchema } from '../../protocol/operation.ts';
import { systemCode } from '../agent-exit.ts';
import { syncFolder } from '../config/atomic-file.ts';
import { acceptedFile, returnedFile } from './operation-place.ts';

const sync = promisify(fsync);
const deleteFile = promisify(unlink);

const NEWLINE = 0x0a;
/** The plan is read in pieces of this many bytes, until its line ends. */
const PIECE_BYTES = 64 << 10;

/** The first line of the file of an operation: what was accepted, as it was signed. The records of its journal follow. */
const PlanSchema = z.object({
  payload: z.string(),
  signature: SignatureSchema,
  acceptedAt: z.number(),
  /** Among those of one process: which came first. */
  order: z.number().int(),
  /** How many might run at once then: holds after a restart until the coordinator says otherwise. */
  maximum: z.number().int().min(1),
  /** Of this start of the host; empty where the system does not tell. */
  boot: z.string(),
  /** It began right after it was written, not from the queue. */
  atOnce: z.boolean(),
});

type AcceptedPlan = z.infer<typeof PlanSchema>;

/** A plan that was written, and is not certain to survive a power cut yet. */
export interface WrittenPlan {
  /** The file, open for reading and writing; whoever gets it closes it, after {@link durable}. */
  readonly descriptor: number;
  /** Length of the plan; the journal begins there. */
  readonly planBytes: number;
  /** Resolves when it would survive a power cut. Never settles while a sync of the file is under way. */
  readonly durable: Promise<void>;
}

/** An operation that an earlier process of the agent accepted. */
export interface FoundOperation {
  readonly operation: Operation;
  readonly maximum: number;
  /** Where the journal begins in the file. */
  readonly planBytes: number;
  /**
   * true: when its journal is empty, nothing of it ever ran. After a power cut that cannot be known of an operation that
   * began at once, since the journal may have lost what was written last.
   */
  readonly emptyMeansNotBegun: boolean;
  readonly acceptedAt: number;
  readonly order: number;
}

/**
 * Writes accepted operations so that they survive a power cut: the file, and its name. Small things are written in place,
 * since a detour over the thread pool costs more than the system call; only the disk is waited for. The plan and the begin of
 * the journal share one file: making and deleting files is most of what a short operation costs.
 */
export class AcceptedStore {
  readonly #root: string;
  readonly #boot = bootId();
  /** Syncs the names in the root for all that were made before it begins; shared by those that come together. */
  #nextRootSync: Promise<void> | null = null;
  #rootSync: Promise<void> | null = null;
  /** The root stays open: opening it again for each operation costs more than the sync itself. */
  #rootDescriptor: number | null = null;

  constructor(root: string) {
    this.#root = root;
  }

  /** Makes the file of an attempt with its plan in it. @throws what the system says; then there is no file. */
  write(place: string, accepted: Omit<AcceptedPlan, 'boot'>): WrittenPlan {
    const plan = Buffer.from(`${JSON.stringify({ ...accepted, boot: this.#boot })}\n`);
    const descriptor = openSync(acceptedFile(place), 'wx+', 0o600);
    try {
      writeFileSync(descriptor, plan);
      // Together: the file system makes one commit of them.
      const syncs = [sync(descriptor), this.#syncRoot()];
      return { descriptor, planBytes: plan.length, durable: bothOf(syncs) };
    } catch (error) {
      closeSync(descriptor);
      unlinkSync(acceptedFile(place));
      throw error;
    }
  }

  /** Makes it certain, also over a power cut, that an operation which never started will not be run here. */
  async markReturned(place: string): Promise<void> {
    await rename(acceptedFile(place), returnedFile(place));
    await syncFolder(this.#root);
  }

  /** Lets go of the root folder. */
  close(): void {
    if (this.#rootDescriptor !== null) closeSync(this.#rootDescriptor);
    this.#rootDescriptor = null;
  }

  #syncRoot(): Promise<void> {
    if (process.platform === 'win32') return Promise.resolve();
    // Alone it begins at once, without a turn of the event loop in between.
    if (this.#rootSync === null) return this.#beginRootSync();
    this.#nextRootSync ??= this.#rootSync.then(() => {
      this.#nextRootSync = null;
      return this.#beginRootSync();
    });
    return this.#nextRootSync;
  }

  #beginRootSync(): Promise<void> {
    this.#rootDescriptor ??= openSync(this.#root, 'r');
    const running = sync(this.#rootDescriptor);
    // One that fails is told to those who waited for it, and does not stop the next.
    const settled: Promise<void> = running
      .catch(() => undefined)
      .finally(() => {
        if (this.#rootSync === settled) this.#rootSync = null;
      });
    this.#rootSync = settled;
    return running;
  }
}

/** Waits for all of them, also when one fails: what they work on is closed afterwards. */
async function bothOf(syncs: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(syncs)) if (result.status === 'rejected') throw result.reason;
}

/**
 * Forgets that an operation was accepted, before anything else of it is deleted. The other way round, a crash in between would
 * leave a plan whose journal has lost its end.
 */
export async function forgetAccepted(place: string): Promise<void> {
  for (const file of [acceptedFile(place), returnedFile(place)]) {
    try {
      await deleteFile(file);
      return;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
  }
}

/**
 * Reads what an earlier process accepted from the file of an operation.
 * @throws when it was not written to its end, and so was never accepted, or when it is not about `key`.
 */
export async function readAccepted(file: string, key: string): Promise<FoundOperation> {
  const line = await firstLine(file);
  const plan = PlanSchema.parse(JSON.parse(line.toString('utf8')));
  const operation = OperationSchema.parse(JSON.parse(plan.payload));
  if (`${operation.operation}.${operation.attempt}` !== key) throw new Error('It holds the plan of another operation.');
  const sameBoot = plan.boot !== '' && plan.boot === bootId();
  const { acceptedAt, order, maximum } = plan;
  const emptyMeansNotBegun = sameBoot || !plan.atOnce;
  return { operation, planBytes: line.length + 1, acceptedAt, order, maximum, emptyMeansNotBegun };
}

async function firstLine(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const pieces: Buffer[] = [];
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, null);
      const piece = buffer.subarray(0, bytesRead);
      const end = piece.indexOf(NEWLINE);
      if (end >= 0) return Buffer.concat([...pieces, piece.subarray(0, end)]);
      if (bytesRead === 0) throw new Error('Its first line has no end.');
      pieces.push(piece);
    }
  } finally {
    await file.close();
  }
}

/** Changes with each start of the host; empty where there is no such thing. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return ''; // Not Linux: then an empty journal is never taken as proof.
  }
}
