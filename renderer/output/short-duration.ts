import { durationText } from '../ui/time-text.ts';

/** How long something took, in milliseconds, with tenths of a second where they matter: `0.4 s`, `12 s`, `3 min 5 s`. */
export function shortDuration(ms: number): string {
  const length = Math.max(0, ms);
  return length < 9_950 ? `${(length / 1000).toFixed(1)} s` : durationText(Math.round(length / 1000) * 1000);
}
