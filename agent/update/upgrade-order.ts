import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { IdSchema } from '../../protocol/fields.ts';
import { systemCode } from '../agent-exit.ts';
import { writeFileAtomic } from '../config/atomic-file.ts';

/** What the agent remembers of an upgrade over the switch: which order it was, and what it becomes. */
const UpgradeOrderSchema = z.object({
  upgrade: IdSchema,
  /** Id of the version in the program folder. */
  to: z.string(),
  version: z.string(),
  trialSeconds: z.number(),
});
export type UpgradeOrder = z.infer<typeof UpgradeOrderSchema>;

const fileIn = (folder: string) => join(folder, 'upgrade.json');

export async function writeOrder(folder: string, order: UpgradeOrder): Promise<void> {
  await writeFileAtomic(fileIn(folder), `${JSON.stringify(order)}\n`, 0o644);
}

/** The order that was begun and is not noted by the coordinator yet; null when there is none that can be read. */
export async function readOrder(folder: string): Promise<UpgradeOrder | null> {
  try {
    return UpgradeOrderSchema.parse(JSON.parse(await readFile(fileIn(folder), 'utf8')));
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || error instanceof SyntaxError || error instanceof z.ZodError) return null;
    throw error;
  }
}

export async function forgetOrder(folder: string): Promise<void> {
  await rm(fileIn(folder), { force: true });
}
