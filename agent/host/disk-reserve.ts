import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit, isFullDisk, systemCode } from '../agent-exit.ts';
import type { Log } from '../log.ts';

const RESERVE = 'reserve';
/** Enough for the small files of a start, and for the ends of what an earlier process left. */
const RESERVE_BYTES = 512 << 10;

/** Keeps some room on the disk of the state folder for a start on a full disk. Without room for it there is none. */
export async function keepReserve(state: string, log: Log): Promise<void> {
  const path = join(state, RESERVE);
  try {
    const file = await open(path, 'a', 0o600);
    try {
      const { size } = await file.stat();
      if (size < RESERVE_BYTES) await file.appendFile(Buffer.alloc(RESERVE_BYTES - size));
    } finally {
      await file.close();
    }
  } catch (error) {
    log.warn('No room is kept for a start on a full disk.', { code: systemCode(error) });
    await rm(path, { force: true });
  }
}

/**
 * Does what an agent cannot start without; on a full disk once more with the reserve given up. An agent that runs says that
 * its disk is full, and delivers what lies on it; one that does not start does neither.
 * @throws AgentExit when there is no room even so.
 */
export async function withReserve<T>(state: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isFullDisk(error)) throw error;
  }
  await rm(join(state, RESERVE), { force: true });
  try {
    return await act();
  } catch (error) {
    if (!isFullDisk(error)) throw error;
    const detail = `The disk of the state folder ${state} is full (${systemCode(error)}).`;
    throw new AgentExit(AGENT_EXIT.failure, detail, 'Free some space there and start the agent again.');
  }
}
