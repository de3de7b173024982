import {
  close,
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsync,
  ftruncateSync,
  openSync,
  readFileSync,
  unlink,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Clock } from '../../protocol/clock.ts';
import { type Operation, OperationSchema } from '../../protocol/operation.ts';
import { QuickDisk } from '../../protocol/quick-disk.ts';
import { SignatureSchema } from '../../protocol/trust-fields.ts';
import { SLOT_NAME, slotName } from './operation-place.ts';

const syncNames = promisify(fsync);
const syncData = promisify(fdatasync);
const closeFile = promisify(close);
const deleteFile = promisify(unlink);

/** The first byte of a slot says what its operation is. */
const ACCEPTED = 'A'.charCodeAt(0);
/** Handed back: whatever happens to this agent, it must not run it any more. */
const RETURNED = 'R'.charCodeAt(0);
const FREE = 0;
const NEWLINE = 0x0a;
/** A slot is this long from the start, so that what a short operation writes changes nothing but its bytes. */
const SLOT_BYTES = 4 << 10;
const EMPTY_SLOT = Buffer.alloc(SLOT_BYTES);
/** A slot that grew beyond this gives its room back. */
const LONGEST_KEPT = 16 << 10;
/** Slots that are kept for the next operations. */
const MOST_KEPT = 64;
/** A plan is read in pieces of this many bytes, until its line ends. */
const PIECE_BYTES = 64 << 10;

/** The first line of a slot, behind its first byte: what was accepted, as it was signed. The records of its journal follow. */
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

/** The file that holds an operation from when it is accepted until the coordinator has all of it. */
export interface Slot {
  readonly path: string;
  readonly number: number;
}

/** A plan that was written, and is not certain to survive a power cut yet. */
export interface WrittenPlan {
  readonly slot: Slot;
  /** The slot, open for reading and writing; whoever gets it closes it, unless {@link durable} rejects. */
  readonly descriptor: number;
  /** Length of the plan; the journal begins there. */
  readonly planBytes: number;
  /** Resolves when it would survive a power cut. When it rejects, the slot is closed and gone. */
  readonly durable: Promise<void>;
}

/** An operation that an earlier process of the agent accepted. */
export interface FoundOperation {
  readonly operation: Operation;
  readonly maximum: number;
  readonly slot: Slot;
  readonly returned: boolean;
  /** Where the journal begins in the slot. */
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
 * Writes accepted operations so that they survive a power cut. Each lies in a slot: a file that holds its plan and the begin of
 * its journal, and is used again for later ones. Making, naming and deleting files is most of what a short operation would
 * cost otherwise, and a file that keeps its length is durable sooner. Small things are written in place, since a detour over
 * the thread pool costs more than the system call; only the disk is waited for.
 */
export class AcceptedStore {
  readonly #root: string;
  readonly #disk: QuickDisk;
  readonly #boot = bootId();
  /** Free slots, wiped, with their open files. */
  readonly #kept: { readonly slot: Slot; readonly descriptor: number }[] = [];
  #nextNumber = 0;
  /** Syncs the names in the root for all that were made before it begins; shared by those that come together. */
  #nextRootSync: Promise<void> | null = null;
  #rootSync: Promise<void> | null = null;
  /** The root stays open: opening it again costs more than the sync itself. */
  #rootDescriptor: number | null = null;

  constructor(root: string, clock: Clock) {
    this.#root = root;
    this.#disk = new QuickDisk(clock);
  }

  /** Tells of a slot that an earlier process left in use: its number is taken. */
  found(slot: Slot): void {
    this.#nextNumber = Math.max(this.#nextNumber, slot.number + 1);
  }

  /**
   * Puts a plan into a free slot. `alone`: nothing else goes on here that a wait in place would hold up.
   * @throws what the system says; then it is in none.
   */
  write(accepted: Omit<AcceptedPlan, 'boot'>, alone: boolean): WrittenPlan {
    const plan = Buffer.from(`${String.fromCharCode(ACCEPTED)}${JSON.stringify({ ...accepted, boot: this.#boot })}\n`);
    const kept = this.#kept.pop();
    const { slot, descriptor } = kept ?? this.#make();
    try {
      // What is behind it was wiped; a new file gets its length now.
      const room = kept === undefined ? Buffer.concat([plan], Math.max(plan.length, SLOT_BYTES)) : plan;
      writeAll(descriptor, room);
      const durable = this.#makeDurable(slot, descriptor, kept === undefined, alone);
      return { slot, descriptor, planBytes: plan.length, durable };
    } catch (error) {
      void this.#drop(slot, descriptor);
      throw error;
    }
  }

  /** Makes it certain, also over a power cut, that an operation which never started will not be run here. */
  async markReturned({ path }: Slot): Promise<void> {
    const file = await open(path, 'r+');
    try {
      await file.write(Buffer.of(RETURNED), 0, 1, 0);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /**
   * Forgets an operation: its slot is wiped, since there are secrets in it, and free. `descriptor`: of the slot, when it is open;
   * it is this one's from here on.
   */
  async free(slot: Slot, descriptor: number | null): Promise<void> {
    if (descriptor === null || this.#kept.length >= MOST_KEPT) {
      await deleteFile(slot.path);
      if (descriptor !== null) await closeFile(descriptor);
      return;
    }
    const { size } = fstatSync(descriptor);
    if (size > LONGEST_KEPT) ftruncateSync(descriptor, 0);
    writeAll(descriptor, size > LONGEST_KEPT ? EMPTY_SLOT : Buffer.alloc(size));
    this.#kept.push({ slot, descriptor });
  }

  async #makeDurable(slot: Slot, descriptor: number, isNew: boolean, alone: boolean): Promise<void> {
    try {
      await this.#disk.flush(
        alone && !isNew,
        () => fdatasyncSync(descriptor),
        () => (isNew ? this.#syncNew(descriptor) : syncData(descriptor)),
      );
    } catch (error) {
      await this.#drop(slot, descriptor);
      throw error;
    }
  }

  /** Both are waited for, also when one fails: the file is closed then. */
  async #syncNew(descriptor: number): Promise<void> {
    const syncs = await Promise.allSettled([syncData(descriptor), this.#syncRoot()]);
    for (const sync of syncs) if (sync.status === 'rejected') throw sync.reason;
  }

  /** A slot that could not be written is no slot any more. */
  async #drop(slot: Slot, descriptor: number): Promise<void> {
    await deleteFile(slot.path).catch(() => undefined); // A start of the agent deletes it as well: it holds no whole plan.
    await closeFile(descriptor);
  }

  #make(): { slot: Slot; descriptor: number } {
    const number = this.#nextNumber++;
    const slot = { path: join(this.#root, slotName(number)), number };
    return { slot, descriptor: openSync(slot.path, 'wx+', 0o600) };
  }

  /** Lets go of the root folder and of the free slots. */
  close(): void {
    for (const { descriptor } of this.#kept.splice(0)) closeSync(descriptor);
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
    const running = syncNames(this.#rootDescriptor);
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

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, at);
}

/**
 * Reads the slot of an earlier process; null when it is free.
 * @throws when its plan was not written to its end, and so was never accepted.
 */
export async function readSlot(root: string, name: string): Promise<FoundOperation | null> {
  const slot = { path: join(root, name), number: Number(SLOT_NAME.exec(name)?.[1]) };
  const line = await firstLine(slot.path);
  if (line === null) return null;
  const plan = PlanSchema.parse(JSON.parse(line.subarray(1).toString('utf8')));
  const operation = OperationSchema.parse(JSON.parse(plan.payload));
  const sameBoot = plan.boot !== '' && plan.boot === bootId();
  const { acceptedAt, order, maximum } = plan;
  return {
    operation,
    slot,
    returned: line[0] === RETURNED,
    planBytes: line.length + 1,
    acceptedAt,
    order,
    maximum,
    emptyMeansNotBegun: sameBoot || !plan.atOnce,
  };
}

async function firstLine(path: string): Promise<Buffer | null> {
  const file = await open(path, 'r');
  try {
    const pieces: Buffer[] = [];
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, null);
      const piece = buffer.subarray(0, bytesRead);
      if (pieces.length === 0 && (bytesRead === 0 || piece[0] === FREE)) return null;
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
