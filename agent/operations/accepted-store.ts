import { readFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SignatureSchema } from '../../protocol/enrolment.ts';
import { type Operation, OperationSchema } from '../../protocol/operation.ts';
import { syncFolder } from '../config/atomic-file.ts';

const PLAN = 'plan.json';
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
}

/** The folder of one attempt of an operation. */
export function operationFolder(root: string, operation: string, attempt: number): string {
  return join(root, `${operation}.${attempt}`);
}

/**
 * Writes an accepted operation so that it survives a power cut: the file, its folder, and the folder's own name. Leaves
 * nothing behind when it fails.
 */
export async function writeAccepted(
  root: string,
  folder: string,
  accepted: Omit<z.infer<typeof PlanFileSchema>, 'boot'>,
): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  try {
    await writeDurably(root, folder, JSON.stringify({ ...accepted, boot: bootId() }));
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function writeDurably(root: string, folder: string, text: string): Promise<void> {
  const file = await open(join(folder, PLAN), 'wx', 0o600);
  try {
    await file.writeFile(text);
    // Together: the file system makes one commit of them.
    await Promise.all([file.sync(), syncFolder(folder), syncFolder(root)]);
  } finally {
    await file.close();
  }
}

/** Reads what earlier processes accepted, in the order in which they did. What was not written to its end was never accepted, and is deleted. */
export async function readAccepted(
  root: string,
  onDropped: (name: string, why: string) => void,
): Promise<FoundOperation[]> {
  const found: (FoundOperation & { readonly acceptedAt: number; readonly order: number })[] = [];
  for (const name of (await readdir(root)).sort()) {
    if (!FOLDER.test(name)) continue;
    const folder = join(root, name);
    try {
      const plan = PlanFileSchema.parse(JSON.parse(await readFile(join(folder, PLAN), 'utf8')));
      const operation = OperationSchema.parse(JSON.parse(plan.payload));
      const sameBoot = plan.boot !== '' && plan.boot === bootId();
      const { acceptedAt, order, maximum } = plan;
      found.push({ operation, folder, acceptedAt, order, maximum, emptyMeansNotBegun: sameBoot || !plan.atOnce });
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
