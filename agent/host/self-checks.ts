import type { SelfCheck } from '../../protocol/wire.ts';

/**
 * A clock that is wrong by less than this is measured, shown and worked around. Beyond it certificates are judged wrongly,
 * and times in logs mean nothing.
 */
const CLOCK_LIMIT_MS = 7 * 24 * 3600 * 1000;

export interface CheckedFacts {
  readonly disk: string | null;
  readonly keys: string | null;
  /** The coordinator's clock minus this host's, in milliseconds. */
  readonly skewMs: number;
}

/** What the agent says about its own health with each heartbeat. */
export function selfChecks({ disk, keys, skewMs }: CheckedFacts): SelfCheck[] {
  return [
    { check: 'disk', ok: disk === null, detail: (disk ?? '').slice(0, 500) },
    { check: 'clock', ok: Math.abs(skewMs) <= CLOCK_LIMIT_MS, detail: describeSkew(skewMs) },
    { check: 'keys', ok: keys === null, detail: (keys ?? '').slice(0, 500) },
  ];
}

/** How far this host's clock is off, for a person; empty when it is right within 2 s. */
export function describeSkew(skewMs: number): string {
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (seconds <= 2) return '';
  let amount = `${Math.round(seconds / 3600)} h`;
  if (seconds < 120) amount = `${seconds} s`;
  else if (seconds < 7200) amount = `${Math.round(seconds / 60)} min`;
  return `The clock of this host is ${amount} ${skewMs > 0 ? 'behind' : 'ahead of'} the coordinator's.`;
}
