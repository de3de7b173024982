import { closeSync, existsSync, fsync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { SignatureSchema } from '../../protocol/enrolment.ts';
import { type Operation, OperationSchema } from '../../protocol/operation.ts';
import { syncFolder } from '../config/atomic-file.ts';

const sync = promisify(fsync);

const PLAN = 'plan.json';
/** The same file, once the operation was handed back: whatever happens to this agent, it must not run it any more. */
const RETURNED = 'returned.json';
const FOLDER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[1-9]\d{0,9}$/;

/** `plan.json`: what was accepted, as it was signed. */
const PlanFileSchema = z.object({
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

type PlanFile = z.infer<typeof PlanFileSchema>;

/** An operation that an earlier process of the agent accepted. */
export interface FoundOperation {
  readonly operation: Operation;
  readonly folder: string;
  readonly maximum: number;
  /**
   * true: when its journal is empty, nothing of it ever ran. After a power cut that cannot be known of an operation that
   * began at once, since the journal may have lost what was written last.
   */
  readonly emptyMeansNotBegun: boolean;
  /** It was handed back; the coordinator may not know yet. */
  readonly returned: boolean;
}

/** The folder of one attempt of an operation. */
export function operationFolder(root: string, operation: string, attempt: number): string {
  return join(root, `${operation}.${attempt}`);
}

/**
 * Writes accepted operations so that they survive a power cut: the file, its folder, and the folder's own name. Small things
 * are written in place, since a detour over the thread pool costs more than the system call; only the disk is waited for.
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

  /** Makes the folder of an attempt with its plan in it. Leaves nothing behind when it fails. */
  async write(folder: string, accepted: Omit<PlanFile, 'boot'>): Promise<void> {
    mkdirSync(folder, { mode: 0o700 });
    const open: number[] = [];
    try {
      const file = openSync(join(folder, PLAN), 'wx', 0o600);
      open.push(file);
      writeFileSync(file, JSON.stringify({ ...accepted, boot: this.#boot }));
      // Together: the file system makes one commit of them.
      const syncs = [sync(file), this.#syncRoot()];
      if (process.platform !== 'win32') {
        const own = openSync(folder, 'r');
        open.push(own);
        syncs.push(sync(own));
      }
      await Promise.all(syncs);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    } finally {
      for (const descriptor of open) closeSync(descriptor);
    }
  }

  /** Makes it certain, also over a power cut, that an operation which never started will not be run here. */
  async markReturned(folder: string): Promise<void> {
    await rename(join(folder, PLAN), join(folder, RETURNED));
    await syncFolder(folder);
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

/**
 * Forgets that an operation was accepted, before anything else of it is deleted. The other way round, a crash in between would
 * leave a plan without a journal: that looks like an operation that never began, and it would run again.
 */
export function forgetAccepted(folder: string): void {
  rmSync(join(folder, PLAN), { force: true });
  rmSync(join(folder, RETURNED), { force: true });
}

/**
 * Reads what earlier processes accepted, in the order in which they did. What was not written to its end was never accepted,
 * and is deleted.
 */
export async function readAccepted(
  root: string,
  onDropped: (name: string, why: string) => void,
): Promise<FoundOperation[]> {
  const found: (FoundOperation & { readonly acceptedAt: number; readonly order: number })[] = [];
  for (const name of (await readdir(root)).sort()) {
    if (!FOLDER.test(name)) continue;
    const folder = join(root, name);
    try {
      const returned = existsSync(join(folder, RETURNED));
      const plan = PlanFileSchema.parse(JSON.parse(await readFile(join(folder, returned ? RETURNED : PLAN), 'utf8')));
      const operation = OperationSchema.parse(JSON.parse(plan.payload));
      const sameBoot = plan.boot !== '' && plan.boot === bootId();
      const { acceptedAt, order, maximum } = plan;
      const emptyMeansNotBegun = sameBoot || !plan.atOnce;
      found.push({ operation, folder, acceptedAt, order, maximum, emptyMeansNotBegun, returned });
    } catch (error) {
      onDropped(name, error instanceof Error ? error.message : String(error));
      await rm(folder, { recursive: true, force: true });
    }
  }
  return found.sort((a, b) => a.acceptedAt - b.acceptedAt || a.order - b.order);
}

/** Changes with each start of the host; empty where there is no such thing. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return ''; // Not Linux: then an empty journal is never taken as proof.
  }
}
