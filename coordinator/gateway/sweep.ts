import type { Clock, Timer } from '../../protocol/clock.ts';
import { UNKNOWN_AFTER_MS } from '../../protocol/status.ts';
import { CLOSE } from '../../protocol/wire.ts';
import type { Session } from './session.ts';

const SWEEP_MS = 1_000;
/** How long a connection may take to say who it is. */
export const HELLO_DEADLINE_MS = 10_000;
/** How long its proof may take us: the journals of what it holds may have to be read after a restart. */
const ADMIT_DEADLINE_MS = 120_000;
/** A session that says nothing for this long is ended: the peer, or the way to it, is gone. */
export const SILENCE_MS = UNKNOWN_AFTER_MS;
/** A peer that takes none of the bytes that wait for it for this long is ended as well. */
export const WRITE_DEADLINE_MS = 30_000;
/** A polling agent that asks for nothing for this long is gone: it asks again at once after each answer. */
const ABSENT_MS = 10_000;
/** More bytes than this waiting for one peer end its session: memory must not pay for a slow reader. */
export const WAITING_BYTES = 32 << 20;

/** One timer for the deadlines of all sessions: ten thousand of them cost one walk per second, not ten thousand timers. */
export function createSweep(clock: Clock, sessions: ReadonlySet<Session>): Timer {
  return clock.every(SWEEP_MS, () => {
    const now = clock.monotonic();
    for (const session of sessions) {
      // While we do not read, silence is ours and not the peer's.
      if (session.heldBack) session.heardAt = now;
      if (session.state !== 'open') {
        const deadline = session.state === 'challenged' ? HELLO_DEADLINE_MS : ADMIT_DEADLINE_MS;
        if (now - session.openedAt > deadline) session.terminate();
      } else if (now - session.heardAt > SILENCE_MS) {
        session.close(CLOSE.silent, 'silent');
        session.terminate();
      } else if (
        session.stalledFor(now) > WRITE_DEADLINE_MS ||
        session.link.waiting > WAITING_BYTES ||
        session.link.absentFor(now) > ABSENT_MS
      ) {
        session.terminate();
      }
    }
  });
}
