import { LONGEST_SPREAD_MS } from '../../protocol/wire.ts';

/** What a coordinator can serve beside its work, of connections that agents open because they all heard the same: a hundred a second. */
const EACH_MS = 10;

/** Over how long a fleet of so many replicas spreads them, in milliseconds: a small one is not made to wait. */
export function spreadMs(replicas: number): number {
  return Math.min(LONGEST_SPREAD_MS, replicas * EACH_MS);
}
