import type { z } from 'zod';
import type { EnrolmentStateSchema, Replica, Runner } from '../../protocol/api/runners.ts';
import type { HostFacts, PlatformTarget } from '../../protocol/enrolment.ts';
import { type ReplicaSeen, runnerStatus, type StatusAnswer } from '../../protocol/status.ts';
import type { ReplicaPresence } from '../presence.ts';
import type { EnrolmentTable } from '../store/schema.ts';
import { isoTime } from '../store/stored-forms.ts';
import type { ReplicaRecord, RunnerRecord } from './runner-record.ts';

/** What the pure status rule needs of a replica that is or was here. */
export function replicaSeen(presence: ReplicaPresence): ReplicaSeen {
  return {
    lastSeen: presence.lastSeen,
    saidGoodbye: presence.saidGoodbye,
    running: presence.running,
    maximum: presence.maximum,
    failingChecks: presence.checks.filter((check) => !check.ok).map((check) => check.check),
    connected: presence.connected,
  };
}

/** The status of a Runner at `now`: the one rule of `protocol/status.ts` over what is known of its replicas. */
export function statusOf(presences: readonly ReplicaPresence[], now: number): StatusAnswer {
  return runnerStatus(presences.map(replicaSeen), now);
}

/** When one of its replicas was last heard of. */
export function lastCheckin(presences: readonly ReplicaPresence[]): number | null {
  let last: number | null = null;
  for (const { lastSeen } of presences) if (lastSeen !== null && (last === null || lastSeen > last)) last = lastSeen;
  return last;
}

/** Operations that run and wait on all live replicas, and how many may run. Work that was just given counts as running. */
export function loadOf(record: RunnerRecord, presences: readonly ReplicaPresence[]): Runner['load'] {
  const connected = presences.filter((presence) => presence.connected);
  const load = { running: 0, queued: 0, maximum: 0 };
  for (const presence of connected) {
    load.running += presence.running;
    load.queued += presence.queued;
    load.maximum += presence.maximum;
  }
  return connected.length === 0 ? { ...load, maximum: record.row.max_operations } : load;
}

/** The platform for which a host needs an executable. */
export function platformOf(facts: Pick<HostFacts, 'os' | 'arch'>): PlatformTarget {
  if (facts.os === 'windows') return 'win-x64';
  return `${facts.os}-${facts.arch}`;
}

export interface RunnerNow {
  readonly presences: readonly ReplicaPresence[];
  readonly status: StatusAnswer;
  readonly statusSince: number;
  readonly now: number;
}

/** A Runner as the API shows it: what the tables know, joined with what is known at this instant. */
export function runnerView(record: RunnerRecord, { presences, status, statusSince, now }: RunnerNow): Runner {
  const { row } = record;
  const newest = newestReplica(record, presences);
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    tags: [...record.tags],
    projects: [...record.projects],
    maxOperations: row.max_operations,
    replicaMode: row.replica_mode,
    createdAt: isoTime(row.created_at),
    updatedAt: isoTime(row.updated_at),
    status: status.status,
    statusSince: isoTime(statusSince),
    statusReason: status.reason,
    reconnecting: isReconnecting(presences, status),
    mode: row.mode,
    modeReason: row.mode_reason,
    modeBy: row.mode_by,
    modeUntil: isoTime(row.mode_until),
    modeSince: isoTime(row.mode_since),
    lastCheckin: isoTime(lastCheckin(presences)),
    version: newest?.facts.agentVersion ?? null,
    platform: newest === null ? null : platformOf(newest.facts),
    load: loadOf(record, presences),
    replicas: record.replicas.map((replica) => replicaView(replica, presenceOf(presences, replica.row.id))),
    enrolment: record.enrolment === null ? null : enrolmentView(record.enrolment, now),
    refusals: [...record.refusals],
  };
}

/** The replica that speaks for the Runner where one value is shown: the one that was heard of last. */
export function newestReplica(record: RunnerRecord, presences: readonly ReplicaPresence[]): ReplicaRecord | null {
  const seen = ({ row }: ReplicaRecord) => presenceOf(presences, row.id)?.lastSeen ?? row.last_seen ?? 0;
  let newest: ReplicaRecord | null = null;
  for (const replica of record.replicas) if (newest === null || seen(replica) >= seen(newest)) newest = replica;
  return newest;
}

/** A replica was there, said no good-bye, and its status has not followed yet. */
function isReconnecting(presences: readonly ReplicaPresence[], { status }: StatusAnswer): boolean {
  if (status === 'New' || status === 'Down') return false;
  return presences.some((one) => !one.connected && !one.saidGoodbye && one.lastSeen !== null);
}

function presenceOf(presences: readonly ReplicaPresence[], replicaId: string): ReplicaPresence | undefined {
  return presences.find((presence) => presence.replicaId === replicaId);
}

function replicaView({ row, facts }: ReplicaRecord, presence: ReplicaPresence | undefined): Replica {
  return {
    id: row.id,
    hostname: facts.hostname,
    os: facts.os,
    osVersion: facts.osVersion,
    arch: facts.arch,
    platform: platformOf(facts),
    user: facts.user,
    pid: facts.pid,
    installPath: facts.installPath,
    version: facts.agentVersion,
    address: presence?.address ?? row.address,
    enrolledAt: isoTime(row.enrolled_at),
    startedAt: isoTime(presence?.startedAt ?? row.started_at),
    lastSeen: isoTime(presence?.lastSeen ?? row.last_seen),
    connected: presence?.connected ?? false,
    connectedSince: isoTime(presence?.connectedSince ?? null),
    transport: presence?.transport ?? null,
    transportReason: presence?.transportReason ?? null,
    proxy: presence?.proxy ?? null,
    skewMs: presence?.skewMs ?? null,
    roundTripMs: presence?.roundTripMs ?? null,
    running: presence?.running ?? 0,
    queued: presence?.queued ?? 0,
    maximum: presence?.maximum ?? row.maximum,
    checks: [...(presence?.checks ?? [])],
    accepting: presence?.accepting ?? true,
    saidGoodbye: presence?.saidGoodbye ?? row.said_goodbye === 1,
    upgradable: presence?.upgradable ?? null,
    duplicateSeenAt: isoTime(presence?.duplicateSeenAt ?? row.duplicate_seen_at),
  };
}

/** Where an enrolment stands at `now`. */
export function enrolmentStateOf(
  enrolment: Pick<EnrolmentTable, 'used_at' | 'revoked_at' | 'expires_at'>,
  now: number,
): z.infer<typeof EnrolmentStateSchema>['state'] {
  if (enrolment.used_at !== null) return 'used';
  if (enrolment.revoked_at !== null) return 'revoked';
  return enrolment.expires_at <= now ? 'expired' : 'open';
}

function enrolmentView(enrolment: EnrolmentTable, now: number): z.infer<typeof EnrolmentStateSchema> {
  return {
    state: enrolmentStateOf(enrolment, now),
    createdAt: isoTime(enrolment.created_at),
    expiresAt: isoTime(enrolment.expires_at),
    usedAt: isoTime(enrolment.used_at),
    downloadedAt: isoTime(enrolment.downloaded_at),
  };
}
