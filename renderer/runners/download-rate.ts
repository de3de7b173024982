interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/** Speed and rest are told from the last few seconds, so that they follow the connection without jumping about. */
const WINDOW_MS = 4_000;
/** Before this much of it, a speed would be a guess. */
const TRUSTED_AFTER_MS = 400;

export interface Rate {
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
}

/** Follows one download. Give it each progress with the time on a clock that never goes back, in milliseconds. */
export function createRateMeter(): (at: number, receivedBytes: number, totalBytes: number | null) => Rate {
  let samples: Sample[] = [];
  return (at, receivedBytes, totalBytes) => {
    samples = [...samples.filter((sample) => at - sample.at <= WINDOW_MS), { at, bytes: receivedBytes }];
    const first = samples[0] as Sample;
    const length = at - first.at;
    if (length < TRUSTED_AFTER_MS) return { bytesPerSecond: null, secondsLeft: null };
    const bytesPerSecond = ((receivedBytes - first.bytes) * 1000) / length;
    if (totalBytes === null || bytesPerSecond <= 0) return { bytesPerSecond, secondsLeft: null };
    return { bytesPerSecond, secondsLeft: Math.ceil(Math.max(0, totalBytes - receivedBytes) / bytesPerSecond) };
  };
}
