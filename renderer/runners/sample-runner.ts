import type { Replica, Runner } from '../../protocol/api/runners.ts';

let count = 0;
const uuid = () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`;
const TIME = '2026-11-23T20:00:00.000Z';

/** A whole Runner for tests, changed where the test says so. */
export function sampleRunner(change: Partial<Runner> = {}): Runner {
  const id = uuid();
  return {
    id,
    name: `Runner ${count}`,
    description: 'A Runner of a test',
    tags: ['test'],
    projects: [],
    maxOperations: 50,
    replicaMode: 'single',
    createdAt: TIME,
    updatedAt: TIME,
    status: 'New',
    statusSince: TIME,
    statusReason: 'No replica has ever connected.',
    reconnecting: false,
    mode: 'active',
    modeReason: null,
    modeBy: null,
    modeUntil: null,
    modeSince: null,
    lastCheckin: null,
    version: null,
    platform: null,
    load: { running: 0, queued: 0, maximum: 50 },
    replicas: [],
    enrolment: null,
    refusals: [],
    ...change,
  };
}

/** A whole replica for tests, changed where the test says so. */
export function sampleReplica(change: Partial<Replica> = {}): Replica {
  return {
    id: uuid(),
    hostname: 'host',
    os: 'linux',
    osVersion: 'Debian 12',
    arch: 'x64',
    platform: 'linux-x64',
    user: 'outrunner',
    pid: 4711,
    installPath: '/opt/outrunner/outrunner-agent',
    version: '0.1.0',
    address: '10.0.3.7',
    enrolledAt: TIME,
    startedAt: TIME,
    lastSeen: TIME,
    connected: true,
    connectedSince: TIME,
    accepting: true,
    transport: 'websocket',
    transportReason: null,
    proxy: null,
    skewMs: 12,
    roundTripMs: 3.4,
    running: 0,
    queued: 0,
    maximum: 50,
    checks: [],
    saidGoodbye: false,
    duplicateSeenAt: null,
    upgradable: { can: true, why: '' },
    ...change,
  };
}
