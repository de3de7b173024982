import { CHECK_IN_WITHIN_MS, whyNoCheckIn } from '../../protocol/check-in.ts';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { Presence } from '../presence.ts';
import type { RunnerRecord } from '../runners/runner-record.ts';

export interface CheckInDeps {
  readonly clock: Clock;
  readonly presence: Presence;
  /** @throws OutrunnerError `not-found`. */
  runner(id: string): RunnerRecord;
  /** Where agents reach this coordinator. */
  publicUrl(): string;
}

/**
 * Resolves, with where from, when a replica of this Runner is connected: one that came since `since`, or one that was there
 * and was left alone, because what was installed is what it had. The script there has made sure that its own runs. @throws OutrunnerError `ssh-not-checked-in` with what is known of the cause.
 */
export async function untilCheckedIn(
  deps: CheckInDeps,
  runnerId: string,
  since: number,
  signal: AbortSignal,
): Promise<string> {
  const { clock, presence } = deps;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const look = () => {
    const connected = presence.ofRunner(runnerId).filter((one) => one.connected);
    const fresh = connected.find(({ connectedSince }) => connectedSince !== null && connectedSince >= since);
    const there = fresh ?? connected[0];
    if (there === undefined) return;
    const { replicas } = deps.runner(runnerId);
    const hostname = replicas.find(({ row }) => row.id === there.replicaId)?.facts.hostname;
    resolve(`Checked in${hostname === undefined ? '' : ` from ${hostname}`}.`);
  };
  const unlisten = presence.onChange((changed) => {
    if (changed === runnerId) look();
  });
  const timer = clock.after(CHECK_IN_WITHIN_MS, () => reject(explain(deps, runnerId, since)));
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    look();
    return await promise;
  } finally {
    unlisten();
    timer.cancel();
    signal.removeEventListener('abort', abort);
  }
}

function explain(deps: CheckInDeps, runnerId: string, since: number): OutrunnerError {
  const refusal = deps.runner(runnerId).refusals.find(({ at }) => Date.parse(at) >= since);
  return new OutrunnerError('ssh-not-checked-in', { detail: whyNoCheckIn(refusal, deps.publicUrl()) });
}
