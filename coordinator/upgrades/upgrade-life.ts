import type { UpgradeReplicaPhase } from '../../protocol/api/upgrades.ts';
import type { UpgradeReport } from '../../protocol/upgrade.ts';
import type { ReplicaPresence } from '../presence.ts';
import type { UpgradeReplicaTable, UpgradeTable } from '../store/schema.ts';

/** So many agents of one upgrade fetch at once: together they get no more of the line than these. */
export const MOST_AT_ONCE = 20;
/** An agent that is not connected when its turn comes is waited for so long. */
const ABSENT_MS = 60_000;
/** An agent that was on its way and is not heard of for so long has failed. */
const LOST_MS = 600_000;
/** Beyond the time of the trial: to end, to go back, to connect again. */
const AFTER_TRIAL_MS = 90_000;
/** A ring has to be well for so long before the next begins, and gets so long to become it. */
export const SETTLE_MS = 15_000;
const UNWELL_MS = 60_000;

export interface Member {
  readonly row: UpgradeReplicaTable;
  /** Bytes, while it downloads; not kept. */
  received: number;
  total: number;
  /** Changed and not written down yet. */
  dirty: boolean;
  /** Changed and not said to the consoles yet. */
  untold: boolean;
}

/** An upgrade and its replicas. */
export interface UpgradeRecord {
  readonly row: UpgradeTable;
  readonly members: readonly Member[];
  /** How many events there were of it. */
  revision: number;
}

/** An upgrade as it is in the tables. */
export function upgradeRecord(row: UpgradeTable, members: readonly UpgradeReplicaTable[]): UpgradeRecord {
  const memberOf = (one: UpgradeReplicaTable): Member => ({
    row: one,
    received: 0,
    total: 0,
    dirty: false,
    untold: false,
  });
  return { row, members: members.map(memberOf), revision: 0 };
}

/** What an upgrade needs of the rest. */
export interface UpgradeWorld {
  readonly now: number;
  presence(replicaId: string): ReplicaPresence | null;
  /** Sends the order to the open session of a replica; false when there is none. */
  order(member: Member): boolean;
}

const FINAL: ReadonlySet<UpgradeReplicaPhase> = new Set(['checked-in', 'failed', 'skipped']);
const isFinal = (member: Member) => FINAL.has(member.row.phase);

/** Whether it begins, or goes on, with agents. */
export function isUnderWay({ row }: UpgradeRecord): boolean {
  return row.state === 'running' || row.state === 'paused';
}

/**
 * Moves an upgrade on: gives orders to those whose turn it is, gives up on those that are lost, ends the ring when it is done,
 * pauses when it is not well. Changes the rows of `record` and returns whether anything changed.
 */
export function advance(record: UpgradeRecord, world: UpgradeWorld): boolean {
  if (!isUnderWay(record)) return false;
  let changed = false;
  for (const member of record.members) changed = giveUpLost(record.row, member, world) || changed;
  if (record.row.state !== 'running') return changed;
  const ring = record.members.filter(({ row }) => row.ring === record.row.ring);
  changed = beginMembers(record, ring, world) || changed;
  if (ring.every(isFinal)) changed = endRing(record, ring, world) || changed;
  return changed;
}

/** Takes what an agent reports. Returns whether anything changed. */
export function report(record: UpgradeRecord, member: Member, said: UpgradeReport, now: number): boolean {
  const { row } = member;
  // Checked in is the truth whenever it is said; a failure that was told once stays, also when the agent says so again.
  if (isFinal(member) && !(said.phase === 'checked-in' && row.phase === 'failed')) return false;
  const isSame = row.phase === said.phase && row.detail === said.detail && member.received === said.received;
  if (isSame) return false;
  member.received = said.received;
  member.total = said.total;
  member.untold = true;
  if (row.phase === said.phase && row.detail === said.detail) return true;
  change(member, said.phase, said.detail, now);
  if (said.phase === 'failed' && record.row.state === 'finished') record.row.reason = outcome(record);
  return true;
}

/** Somebody has seen what is wrong and goes on all the same. */
export function resume(record: UpgradeRecord, now: number): void {
  record.row.state = 'running';
  record.row.reason = null;
  record.row.accepted_failures = failures(record);
  record.row.ring_since = now;
}

/** Ends it: what has not begun stays as it is. Returns those whose agents have to be told. */
export function cancel(record: UpgradeRecord, reason: string, now: number): readonly Member[] {
  record.row.state = 'cancelled';
  record.row.reason = reason;
  record.row.ended_at = now;
  const told: Member[] = [];
  for (const member of record.members) {
    if (member.row.phase === 'downloading' || member.row.phase === 'waiting') told.push(member);
    if (member.row.phase === 'pending') change(member, 'skipped', 'The upgrade was cancelled.', now);
  }
  return told;
}

function giveUpLost(upgrade: UpgradeTable, member: Member, { now, presence }: UpgradeWorld): boolean {
  const { phase, updated_at: since, replica_id: id } = member.row;
  if (phase === 'switching') {
    if (now - since <= upgrade.trial_seconds * 1000 + AFTER_TRIAL_MS) return false;
    change(member, 'failed', 'It has not been heard of since it began to switch.', now);
    return true;
  }
  if (phase !== 'downloading' && phase !== 'waiting') return false;
  const seen = presence(id);
  if (seen === null) {
    change(member, 'failed', 'The replica was retired.', now);
    return true;
  }
  if (seen.connected || now - Math.max(seen.lastSeen ?? 0, since) <= LOST_MS) return false;
  change(member, 'failed', 'It has not been connected for ten minutes.', now);
  return true;
}

function beginMembers(record: UpgradeRecord, ring: readonly Member[], world: UpgradeWorld): boolean {
  const { now } = world;
  let changed = false;
  let busy = ring.filter(({ row }) => row.phase === 'downloading').length;
  for (const member of ring) {
    if (member.row.phase !== 'pending') continue;
    const seen = world.presence(member.row.replica_id);
    if (seen === null) {
      change(member, 'skipped', 'The replica was retired.', now);
    } else if (!seen.connected) {
      if (now - record.row.ring_since < ABSENT_MS) continue;
      change(member, 'skipped', 'It was not connected when its turn came.', now);
    } else if (seen.upgradable?.can !== true) {
      change(member, 'skipped', seen.upgradable?.why ?? 'It is not known whether it can be upgraded.', now);
    } else {
      if (busy >= MOST_AT_ONCE || !world.order(member)) continue;
      busy += 1;
      change(member, 'downloading', '', now);
    }
    changed = true;
  }
  return changed;
}

function endRing(record: UpgradeRecord, ring: readonly Member[], { now, presence }: UpgradeWorld): boolean {
  const { row, members } = record;
  const failed = ring.filter(({ row: one }) => one.phase === 'failed');
  const isLast = !members.some(({ row: one }) => one.ring > row.ring);
  if (isLast) {
    row.state = 'finished';
    row.ended_at = now;
    row.reason = outcome(record);
    return true;
  }
  if (failures(record) > row.accepted_failures) {
    const [first] = failed;
    pause(
      row,
      `${failed.length} of ${ring.length} in ring ${row.ring + 1} failed. ${first?.row.runner_name ?? ''}: ${first?.row.detail ?? ''}`,
    );
    return true;
  }
  const since = Math.max(row.ring_since, ...ring.map(({ row: one }) => one.updated_at));
  if (now - since < SETTLE_MS) return false;
  const unwell = ring
    .filter(({ row: one }) => one.phase === 'checked-in')
    .map((member) => ({ member, why: whyUnwell(presence(member.row.replica_id)) }))
    .find(({ why }) => why !== null);
  if (unwell !== undefined) {
    if (now - since < UNWELL_MS) return false;
    pause(row, `After its upgrade ${unwell.member.row.runner_name} is not well: ${unwell.why}`);
    return true;
  }
  row.ring += 1;
  row.ring_since = now;
  return true;
}

function whyUnwell(seen: ReplicaPresence | null): string | null {
  if (seen === null) return null; // Retired meanwhile: that has nothing to do with its version.
  if (!seen.connected) return 'it is not connected.';
  return seen.checks.find((check) => !check.ok)?.detail ?? null;
}

function pause(row: UpgradeTable, reason: string): void {
  row.state = 'paused';
  row.reason = reason;
}

function failures({ members }: UpgradeRecord): number {
  return members.filter(({ row }) => row.phase === 'failed').length;
}

function outcome(record: UpgradeRecord): string | null {
  const failed = failures(record);
  return failed === 0 ? null : `${failed} of ${record.members.length} failed; they have the version of before.`;
}

function change(member: Member, phase: UpgradeReplicaPhase, detail: string, now: number): void {
  member.row.phase = phase;
  member.row.detail = detail;
  member.row.updated_at = now;
  member.dirty = true;
  member.untold = true;
}
