import type { BehindReason } from '../../protocol/api/trust.ts';
import type { ReplicaPresence } from '../presence.ts';
import type { AnnouncedTrust } from './announced-trust.ts';

/** A replica as far as its trust goes. */
export type Believer = Pick<ReplicaPresence, 'believedKey' | 'trustSerial' | 'trustProblem' | 'connected'>;
type Announced = Pick<
  AnnouncedTrust,
  'publicKey' | 'isKnownTo' | 'isOnTheWay' | 'authoritiesSince' | 'isReachable' | 'previousKey'
>;

/** Why a replica does not believe what holds now; null: it does. `enrolledAt`: milliseconds since the epoch. */
export function behindReason(announced: Announced, one: Believer, enrolledAt: number): BehindReason | null {
  if (one.trustSerial === null) {
    const since = announced.authoritiesSince;
    // What it got with its download is what it believes for good.
    const hasAuthorities = since === null || enrolledAt >= since;
    return one.believedKey === announced.publicKey && hasAuthorities ? null : 'unable';
  }
  if (one.trustProblem === null && announced.isKnownTo(one.believedKey, one.trustSerial)) return null;
  if (one.trustProblem !== null || !announced.isOnTheWay(one.believedKey)) return 'refused';
  return one.connected ? 'told' : 'away';
}

/** Whether a replica can do nothing more once the key before the newest is gone: no link leads it to the newest. */
export function needsOldKey(announced: Announced, one: Believer): boolean {
  if (one.believedKey === announced.publicKey) return false;
  return one.trustSerial === null || !announced.isOnTheWay(one.believedKey);
}

/** What a replica said, or what is known for it. */
export function behindDetail(announced: Announced, one: Believer): string {
  if (one.trustProblem !== null) return one.trustProblem;
  if (one.trustSerial === null || announced.isOnTheWay(one.believedKey)) return '';
  return 'It believes a newer key, which is not here: the data folder was restored from before a rotation.';
}
