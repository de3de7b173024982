import { systemClock } from '../../protocol/clock.ts';

/** All times of the API are by the coordinator's clock: so "12 s ago" must be counted by it too, not by this computer's. */
const clock = systemClock();
let skewMs = 0;

/** The coordinator's time now, as well as it is known. Milliseconds since the epoch. */
export function coordinatorNow(): number {
  return clock.now() + skewMs;
}

/** Notes what the coordinator's clock said just now. Jitter of the network below a second is left alone. */
export function noteCoordinatorTime(time: number): void {
  const skew = time - clock.now();
  if (Math.abs(skew - skewMs) > 1000) skewMs = skew;
}
