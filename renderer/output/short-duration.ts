import { durationText } from '../ui/time-text.ts';

/** How long something took, in milliseconds, as exactly as it matters: `12 ms`, `0.4 s`, `12 s`, `3 min 5 s`. */
export function shortDuration(ms: number): string {
  const length = Math.max(0, ms);
  if (length < 100) return `${Math.round(length)} ms`;
  return length < 9_950 ? `${(length / 1000).toFixed(1)} s` : durationText(Math.round(length / 1000) * 1000);
}
