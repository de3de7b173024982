import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What of operations lies in their folder: nothing, once the coordinator has all of it. Free slots are none of it. */
export async function heldOnDisk(folder: string): Promise<string[]> {
  const held: string[] = [];
  for (const name of (await readdir(folder)).sort()) {
    if (name !== 'ended.jsonl' && !(await isFreeSlot(join(folder, name)))) held.push(name);
  }
  return held;
}

async function isFreeSlot(path: string): Promise<boolean> {
  if (!/slot-\d+$/.test(path)) return false;
  const file = await open(path, 'r').catch(() => null); // Deleted meanwhile: it holds nothing either.
  if (file === null) return true;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(1), 0, 1, 0);
    return bytesRead === 0 || buffer[0] === 0;
  } finally {
    await file.close();
  }
}
