import { z } from 'zod';
import { compareVersions } from './product-version.ts';

/**
 * How the agents of a Runner stand to the version that the coordinator hands out.
 * - `current`: all have it.
 * - `outdated`: at least one has an older version.
 * - `newer`: none is outdated, and at least one has a newer version.
 * - `too-old`: at least one was turned away when it last tried to connect, because it does not speak the protocol any more.
 * - `unknown`: no agent was ever here, or nothing is handed out.
 */
export const VersionStateSchema = z
  .enum(
    ['current', 'outdated', 'newer', 'too-old', 'unknown'],
    'The state of a version is current, outdated, newer, too-old or unknown.',
  )
  .meta({ id: 'VersionState' });
export type VersionState = z.infer<typeof VersionStateSchema>;

/** What is to be known of a Runner. Times in milliseconds since 1970, those of refusals as ISO 8601. */
export interface RunnerVersions {
  readonly replicas: readonly {
    readonly version: string;
    readonly connected: boolean;
    readonly lastSeen: number | null;
  }[];
  readonly refusals: readonly { readonly code: string; readonly at: string }[];
}

export type VersionOrder = 'current' | 'outdated' | 'newer' | 'unknown';

/** Answers so far: ten thousand Runners have a handful of versions, and are looked at again with each change of one. */
const orders = new Map<string, VersionOrder>();
const MOST_ORDERS = 1000;

/** How one version stands to the one that is handed out, which is null when there is none. */
export function versionOrder(version: string, handedOut: string | null): VersionOrder {
  if (handedOut === null) return 'unknown';
  if (version === handedOut) return 'current';
  const key = `${version} ${handedOut}`;
  let order = orders.get(key);
  if (order === undefined) {
    order = orderOf(compareVersions(version, handedOut));
    if (orders.size >= MOST_ORDERS) orders.clear();
    orders.set(key, order);
  }
  return order;
}

function orderOf(difference: number): VersionOrder {
  if (difference === 0) return 'current';
  return difference < 0 ? 'outdated' : 'newer';
}

/** The one answer for a Runner: what needs somebody comes first. */
export function versionState({ replicas, refusals }: RunnerVersions, handedOut: string | null): VersionState {
  const found = replicas.map(({ version }) => versionOrder(version, handedOut));
  const turnedAway = refusals
    .filter(({ code }) => code === 'protocol-unsupported')
    .reduce((last, { at }) => Math.max(last, Date.parse(at)), Number.NEGATIVE_INFINITY);
  if (replicas.length === 0) return turnedAway > 0 ? 'too-old' : 'unknown';
  // A newer agent that is turned away is not too old: the coordinator is.
  const isTooOld = ({ connected, lastSeen }: RunnerVersions['replicas'][number], at: number) =>
    !connected && found[at] !== 'newer' && (lastSeen ?? Number.NEGATIVE_INFINITY) < turnedAway;
  if (turnedAway > 0 && replicas.some(isTooOld)) return 'too-old';
  for (const worst of ['outdated', 'newer', 'unknown'] as const) if (found.includes(worst)) return worst;
  return 'current';
}
