import { useEffect, useEffectEvent, useState, useSyncExternalStore } from 'react';
import { type Clock, systemClock } from '../../protocol/clock.ts';
import { openOutput } from '../api/execution-queries.ts';
import { OutputSession, type OutputSnapshot } from './output-session.ts';

const pageClock = systemClock();
const NOTHING: OutputSnapshot = { version: 0, first: 0, end: 0, stream: { state: 'connecting' } };
const never = () => () => undefined;

/**
 * Follows the output of an execution as long as the component is there. Null until the first effect has run. `ended`:
 * the execution is in a terminal state.
 */
export function useOutputSession(executionId: string, ended: boolean, clock: Clock = pageClock): OutputSession | null {
  const [session, setSession] = useState<OutputSession | null>(null);
  const hasEnded = useEffectEvent(() => ended);
  useEffect(() => {
    const made = new OutputSession({
      clock,
      random: Math.random,
      hasEnded: () => hasEnded(),
      async open(from, signal) {
        const response = await openOutput(executionId, { format: 'journal', follow: 'true', from }, signal);
        return response.body ?? new Blob().stream();
      },
    });
    setSession(made);
    return () => made.stop();
  }, [executionId, clock]);
  return session;
}

/** What a session holds at this moment; re-renders as it changes. */
export function useOutputSnapshot(session: OutputSession | null): OutputSnapshot {
  return useSyncExternalStore(session?.subscribe ?? never, session?.snapshot ?? nothing);
}

function nothing(): OutputSnapshot {
  return NOTHING;
}
