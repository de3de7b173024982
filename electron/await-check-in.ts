import type { Replica, Runner } from '../protocol/api/runners.ts';
import { CHECK_IN_WITHIN_MS, whyNoCheckIn } from '../protocol/check-in.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import type { Target } from './api-request.ts';
import { type Caller, callCoordinator } from './coordinator-call.ts';

const LOOK_EVERY_MS = 500;

/**
 * Resolves, with where from, when a replica of this Runner is connected: one that was not before, or one that was there and was
 * left alone, because what was installed is what it had. `before` is the Runner as it was before the installation, `url` where
 * it looks for the coordinator. A coordinator that cannot be reached for a moment is asked again.
 * @throws OutrunnerError `ssh-not-checked-in` with what is known of the cause; the reason of `signal`.
 */
export async function awaitCheckIn(
  caller: Caller,
  target: Target,
  before: Runner,
  url: string,
  signal: AbortSignal,
): Promise<string> {
  const until = caller.clock.monotonic() + CHECK_IN_WITHIN_MS;
  let last = before;
  for (;;) {
    signal.throwIfAborted();
    last = await look(caller, target, last);
    const connected = last.replicas.filter((one) => one.connected);
    const there = connected.find((one) => isNew(one, before)) ?? connected[0];
    if (there !== undefined) return `Checked in from ${there.hostname}.`;
    if (caller.clock.monotonic() >= until) throw explain(before, last, url);
    await pause(caller, signal);
  }
}

async function look(caller: Caller, target: Target, last: Runner): Promise<Runner> {
  try {
    return await callCoordinator(caller, target, 'getRunner', { params: { id: last.id } });
  } catch (error) {
    if (error instanceof OutrunnerError && error.code === 'coordinator-unreachable') return last;
    throw error;
  }
}

function isNew(replica: Replica, before: Runner): boolean {
  return before.replicas.every((one) => one.id !== replica.id || one.connectedSince !== replica.connectedSince);
}

/** By the coordinator's own times: the clock of this computer may be another. */
function explain(before: Runner, now: Runner, url: string): OutrunnerError {
  const known = before.refusals.map(({ at }) => at);
  const refusal = now.refusals.find(({ at }) => !known.includes(at));
  return new OutrunnerError('ssh-not-checked-in', { detail: whyNoCheckIn(refusal, url) });
}

function pause({ clock }: Caller, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(LOOK_EVERY_MS, resolve);
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise.finally(() => timer.cancel());
}
