import type { BehindReplica, Trust } from '../../protocol/api/trust.ts';

let count = 0;
const uuid = () => `00000000-0000-4000-a000-${String(++count).padStart(12, '0')}`;
const TIME = '2026-11-23T20:00:00.000Z';

/** What Runners believe, for tests: one key, nobody behind; changed where the test says so. */
export function sampleTrust(change: Partial<Trust> = {}): Trust {
  return {
    key: { publicKey: 'A'.repeat(43), since: null },
    previousKey: null,
    authorities: null,
    replicas: { total: 3, current: 3, away: 0, told: 0, refused: 0, unable: 0 },
    behind: [],
    ...change,
  };
}

/** A replica that does not know what holds now, for tests. */
export function sampleBehind(change: Partial<BehindReplica> = {}): BehindReplica {
  return {
    replica: uuid(),
    runner: uuid(),
    runnerName: `Runner ${count}`,
    hostname: `host-${count}`,
    connected: false,
    lastSeen: TIME,
    reason: 'away',
    detail: '',
    ...change,
  };
}
