import type { Identity, RunnerConfig } from '../../protocol/enrolment.ts';
import { followKeys, type HeldTrust, isKnownKey, newestKey } from '../../protocol/trust.ts';
import { isSignedBy } from '../config/key-pair.ts';

/** The key that a package makes an agent believe, and how it came to be the coordinator's. */
type Pin = Pick<RunnerConfig['coordinator'], 'publicKey' | 'succession'>;

/** What an identity believes; one of before keys could be replaced believes the key that it pins. */
export function trustOfIdentity({ trust, coordinator }: Pick<Identity, 'trust' | 'coordinator'>): HeldTrust {
  return trust ?? { keys: [coordinator.publicKey], former: [], serial: 0, authorities: null };
}

/** Whether a configuration is of the coordinator that is believed: by an earlier key, the same, or one that follows it. */
export function isSameCoordinator(held: HeldTrust, { publicKey, succession = [] }: Pin): boolean {
  return isKnownKey(held, publicKey) || followKeys(newestKey(held), succession, isSignedBy).includes(publicKey);
}

/** Whether `later` names the key of `earlier` as one that its own key has followed. */
export function isEarlierKey(earlier: Pin, later: Pin): boolean {
  if (earlier.publicKey === later.publicKey) return false;
  return followKeys(earlier.publicKey, later.succession ?? [], isSignedBy).includes(later.publicKey);
}

/** What a package alone makes an agent believe. */
export function trustOfConfig({ publicKey, succession = [] }: Pin): HeldTrust {
  const first = succession[0]?.from ?? publicKey;
  const way = followKeys(first, succession, isSignedBy);
  const at = way.indexOf(publicKey);
  // By these it knows an earlier package of the same coordinator.
  const former = way.slice(0, Math.max(at, 0)).toReversed();
  return { keys: [publicKey], former, serial: 0, authorities: null };
}

export interface Believed {
  readonly held: HeldTrust;
  /** PEM of authorities that are taken until those of `held` are shown to be enough. */
  readonly kept: string | null;
}

/** What to begin with: what was learned here, unless the configuration is of another coordinator. Never less than that. */
export function beginTrust(config: Pick<RunnerConfig, 'coordinator'>, present: Identity | null): Believed {
  if (present !== null) {
    const held = trustOfIdentity(present);
    if (isSameCoordinator(held, config.coordinator)) return { held, kept: present.keptAuthorities ?? null };
  }
  return { held: trustOfConfig(config.coordinator), kept: null };
}
