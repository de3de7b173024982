import { link, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit, systemCode } from '../agent-exit.ts';
import { processStart } from './process-start.ts';

const LOCK = 'agent.lock';
/** `folder`: a lock that was copied with the folder locks nothing. */
const LockSchema = z.object({ pid: z.number().int(), start: z.string(), folder: z.string() });
export type LockHolder = z.infer<typeof LockSchema>;

/** The agent process that holds a state folder now; null when none does, also when one crashed and left its lock. */
export async function lockHolder(state: string): Promise<LockHolder | null> {
  const path = join(state, LOCK);
  const holder = parseLock(await readLock(path));
  return holder !== null && (await isHeld(holder, path)) ? holder : null;
}

/**
 * Takes the state folder for this process, so that no two agents use one identity and one set of operations. Returns how to
 * give it back. The lock of a process that is gone is taken over.
 */
export async function takeStateLock(state: string): Promise<() => Promise<void>> {
  const path = join(state, LOCK);
  const start = await processStart(process.pid);
  if (start === null) throw new Error('This process cannot find itself.');
  const mine = `${JSON.stringify({ pid: process.pid, start, folder: await realpath(state) })}\n`;
  const fresh = `${path}.${process.pid}`;
  await writeFile(fresh, mine, { mode: 0o600 });
  try {
    for (let tries = 0; tries < 20; tries++) {
      try {
        // A link is made whole or not at all, and only when the name is free.
        await link(fresh, path);
        return () => release(path, mine);
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error;
      }
      const seen = await readLock(path);
      const holder = parseLock(seen);
      if (holder !== null && (await isHeld(holder, path))) throw inUse(state, holder.pid);
      if (seen !== null) await setAside(path, seen);
    }
    throw inUse(state, 0);
  } finally {
    await rm(fresh, { force: true });
  }
}

/** Moves a stale lock away; puts it back when, in between, another process had replaced it by its own. */
async function setAside(path: string, stale: string): Promise<void> {
  const aside = `${path}.stale.${process.pid}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readLock(aside)) !== stale) await link(aside, path);
  await rm(aside, { force: true });
}

async function isHeld(holder: LockHolder, path: string): Promise<boolean> {
  return holder.folder === (await realpath(dirname(path))) && (await processStart(holder.pid)) === holder.start;
}

async function release(path: string, mine: string): Promise<void> {
  if ((await readLock(path)) === mine) await rm(path, { force: true });
}

async function readLock(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}

function parseLock(text: string | null): LockHolder | null {
  if (text === null) return null;
  try {
    return LockSchema.parse(JSON.parse(text));
  } catch {
    return null; // Torn by a crash: then nobody holds it.
  }
}

function inUse(state: string, pid: number): AgentExit {
  return new AgentExit(
    AGENT_EXIT.failure,
    `Another agent${pid === 0 ? '' : ` (process ${pid})`} already runs with the state folder ${state}.`,
    'Stop it first, or use another folder with --state.',
  );
}
