import type { Runner } from '../../protocol/api/runners.ts';

const TIME = '2026-11-23T20:15:00.000Z';

/** A whole Runner that nobody has installed yet, changed where the test says so. */
export function sampleRunner(change: Partial<Runner> = {}): Runner {
  return {
    id: '7c9e6679-7425-40de-944b-e07fc1f90ae1',
    name: 'r',
    description: 'd',
    tags: ['t'],
    projects: [],
    maxOperations: 50,
    replicaMode: 'single',
    createdAt: TIME,
    updatedAt: TIME,
    status: 'New',
    statusSince: TIME,
    statusReason: '',
    reconnecting: false,
    mode: 'active',
    modeReason: null,
    modeBy: null,
    modeUntil: null,
    modeSince: null,
    lastCheckin: null,
    version: null,
    platform: null,
    load: { running: 0, queued: 0, maximum: 0 },
    replicas: [],
    enrolment: null,
    refusals: [],
    ...change,
  };
}
