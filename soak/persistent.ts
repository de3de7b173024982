import { setTimeout as sleep } from 'node:timers/promises';
import { OutrunnerError } from '../protocol/problems.ts';

/** Answers of a call that comes back no sooner are given up, and the call is made again. */
const ANSWER_WITHIN_MS = 15_000;
const PAUSE_MS = 50;

/**
 * Calls as a careful script does: again while nobody answers or the answer says "try again", until `deadline` (milliseconds
 * since the epoch). Anything else that is refused is thrown at once.
 */
export async function persistently<T>(deadline: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call(AbortSignal.timeout(ANSWER_WITHIN_MS));
    } catch (error) {
      if (!mayBeTriedAgain(error) || Date.now() > deadline) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

/** `fetch` throws TypeError when it gets no answer, and an error named so when the answer breaks off or takes too long. */
function mayBeTriedAgain(error: unknown): boolean {
  if (error instanceof OutrunnerError) return error.retry;
  return error instanceof TypeError || (error instanceof Error && /Abort|Timeout/.test(error.name));
}
