import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../config/atomic-file.ts';

const ENDED = 'ended.json';

/** Why the last agent on a state folder ended for good: nobody starts it again, so somebody has to be able to ask. */
const LastEndSchema = z.object({ exitCode: z.number().int(), line: z.string(), at: z.string() });
export type LastEnd = z.infer<typeof LastEndSchema>;

/** Null when the last agent did not end for good, or one has begun since. */
export async function readLastEnd(state: string): Promise<LastEnd | null> {
  try {
    return LastEndSchema.parse(JSON.parse(await readFile(join(state, ENDED), 'utf8')));
  } catch {
    return null; // Not there, or cut off: then it is not known.
  }
}

/** Remembers an end. A folder that cannot be written to costs the memory alone. */
export async function writeLastEnd(state: string, end: LastEnd): Promise<void> {
  await writeFileAtomic(join(state, ENDED), `${JSON.stringify(end)}\n`, 0o600).catch(() => undefined);
}

export async function forgetLastEnd(state: string): Promise<void> {
  await rm(join(state, ENDED), { force: true }).catch(() => undefined);
}
