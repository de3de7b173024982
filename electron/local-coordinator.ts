import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { COORDINATOR_FILE, CoordinatorFileSchema, OWNER_TICKET_FILE } from '../protocol/data-folder.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import type { Target } from './api-request.ts';
import { type Caller, callCoordinator } from './coordinator-call.ts';

/** Long for a process on this computer, short for a person who waits. */
const LOCAL_ANSWER_MS = 2_000;

/** The coordinator that runs on the data folder now, by its own word and by answering; null when there is none. */
export async function findRunningCoordinator(caller: Caller, dataFolder: string): Promise<string | null> {
  const text = await readIfThere(join(dataFolder, COORDINATOR_FILE));
  const file = CoordinatorFileSchema.safeParse(text === null ? null : parseJson(text));
  if (!file.success) return null;
  const { url } = file.data;
  try {
    await callCoordinator(caller, { url, token: null }, 'health', {}, LOCAL_ANSWER_MS);
    return url;
  } catch (error) {
    // Left over from one that was killed, or another program took its port.
    if (error instanceof OutrunnerError) return null;
    throw error;
  }
}

/**
 * Signs the owner in by the ticket that only this user can read.
 * @throws OutrunnerError `sign-in-refused` when the ticket cannot be read or is not taken.
 */
export async function signInAsOwner(caller: Caller, dataFolder: string, url: string): Promise<Target> {
  const path = join(dataFolder, OWNER_TICKET_FILE);
  let ticket: string;
  try {
    ticket = (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new OutrunnerError('sign-in-refused', { detail: `The owner's ticket ${path} cannot be read.`, cause });
  }
  const { token } = await callCoordinator(caller, { url, token: null }, 'signIn', {
    body: { ticket, carrier: 'bearer' },
  });
  return { url, token };
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
