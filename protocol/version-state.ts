import { z } from 'zod';
import { compareVersions } from './product-version.ts';

/**
 * How the agents of a Runner stand to the version that the coordinator hands out.
 * - `current`: all have it.
 * - `outdated`: at least one has an older version.
 * - `newer`: none is outdated, and at least one has a newer version.
 * - `too-old`: at least one was turned away when it last tried to connect, because the coordinator does not speak its protocol
 *   any more.
 * - `too-new`: the same, because the coordinator does not speak its protocol yet.
 * - `unknown`: no agent was ever here, or nothing is handed out.
 */
export const VersionStateSchema = z
  .enum(
    ['current', 'outdated', 'newer', 'too-old', 'too-new', 'unknown'],
    'The state of a version is current, outdated, newer, too-old, too-new or unknown.',
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

const TURNED_AWAY: Readonly<Record<string, 'too-old' | 'too-new'>> = {
  'protocol-unsupported': 'too-old',
  'protocol-too-new': 'too-new',
};

/** The one answer for a Runner: what needs somebody comes first. */
export function versionState({ replicas, refusals }: RunnerVersions, handedOut: string | null): VersionState {
  const found = replicas.map(({ version }) => versionOrder(version, handedOut));
  const refused = lastTurnedAway(refusals);
  if (refused !== null) {
    if (replicas.length === 0) return refused.state;
    const isMeant = ({ connected, lastSeen }: RunnerVersions['replicas'][number]) =>
      !connected && (lastSeen ?? Number.NEGATIVE_INFINITY) < refused.at;
    if (replicas.some(isMeant)) return refused.state;
  }
  if (replicas.length === 0) return 'unknown';
  for (const worst of ['outdated', 'newer', 'unknown'] as const) if (found.includes(worst)) return worst;
  return 'current';
}

/** Which way an agent of the Runner was turned away last for its protocol, and when; null when none was. */
function lastTurnedAway(refusals: RunnerVersions['refusals']): { state: 'too-old' | 'too-new'; at: number } | null {
  let last: { state: 'too-old' | 'too-new'; at: number } | null = null;
  for (const { code, at } of refusals) {
    const state = TURNED_AWAY[code];
    const time = Date.parse(at);
    if (state !== undefined && (last === null || time > last.at)) last = { state, at: time };
  }
  return last;
}
