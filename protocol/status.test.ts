import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DOWN_AFTER_MS, type ReplicaSeen, runnerStatus, UNKNOWN_AFTER_MS } from './status.ts';

const NOW = 1_800_000_000_000;

function replica(change: Partial<ReplicaSeen> = {}): ReplicaSeen {
  return { lastSeen: NOW, saidGoodbye: false, running: 0, maximum: 50, failingChecks: [], ...change };
}

const silentFor = (ms: number) => replica({ lastSeen: NOW - ms });

describe('status of a Runner', () => {
  test.each([
    ['no replica', [], 'New'],
    ['a replica that never connected', [replica({ lastSeen: null })], 'New'],
    ['heard of just now', [silentFor(0)], 'Healthy'],
    ['29 s silent', [silentFor(29_000)], 'Healthy'],
    ['exactly 30.000 s silent', [silentFor(30_000)], 'Healthy'],
    ['30.001 s silent', [silentFor(30_001)], 'Unknown'],
    ['119 s silent', [silentFor(119_000)], 'Unknown'],
    ['exactly 120.000 s silent', [silentFor(120_000)], 'Unknown'],
    ['120.001 s silent', [silentFor(120_001)], 'Down'],
    ['said good-bye a moment ago', [replica({ saidGoodbye: true })], 'Down'],
    ['at its capacity', [replica({ running: 50 })], 'Busy'],
    ['over its capacity', [replica({ running: 51 })], 'Busy'],
    ['one below its capacity', [replica({ running: 49 })], 'Healthy'],
    ['two live, one at its capacity', [replica({ running: 50 }), replica()], 'Healthy'],
    ['one live, one silent', [replica(), silentFor(31_000)], 'Unhealthy'],
    ['one live, one gone', [replica(), replica({ saidGoodbye: true })], 'Unhealthy'],
    ['one live, one that never connected', [replica(), replica({ lastSeen: null })], 'Healthy'],
    ['a failing self-check', [replica({ failingChecks: ['disk'] })], 'Unhealthy'],
    ['a failing self-check at its capacity', [replica({ failingChecks: ['disk'], running: 50 })], 'Unhealthy'],
    ['one silent, one gone', [silentFor(31_000), silentFor(121_000)], 'Unknown'],
    ['a check-in from the future (the clock went back)', [silentFor(-5_000)], 'Healthy'],
  ])('%s: %s', (_, replicas, status) => {
    expect(runnerStatus(replicas, NOW).status).toBe(status);
  });

  const anyReplica = fc.record<ReplicaSeen>({
    lastSeen: fc.option(fc.integer({ min: NOW - 300_000, max: NOW }), { nil: null }),
    saidGoodbye: fc.boolean(),
    running: fc.nat(60),
    maximum: fc.integer({ min: 1, max: 50 }),
    failingChecks: fc.subarray(['disk', 'clock', 'keys']),
  });

  test('of a replica whose connection is closed it is not said that it checks in; the status is the same', () => {
    const cutOff = replica({ connected: false });
    expect(runnerStatus([cutOff], NOW)).toMatchObject({ status: 'Healthy', reason: expect.stringContaining('closed') });
    expect(runnerStatus([{ ...cutOff, running: 50 }], NOW)).toMatchObject({
      status: 'Busy',
      reason: expect.stringContaining('closed'),
    });
    const open = replica({ connected: true });
    for (const replicas of [[open], [open, cutOff], [replica()]])
      expect(runnerStatus(replicas, NOW)).toMatchObject({
        status: 'Healthy',
        reason: expect.stringContaining('checks in'),
      });
    const known = fc.array(fc.tuple(anyReplica, fc.boolean()), { maxLength: 4 });
    fc.assert(
      fc.property(known, (replicas) => {
        const { status, changesAt } = runnerStatus(
          replicas.map(([one]) => one),
          NOW,
        );
        const withConnections = replicas.map(([one, connected]) => ({ ...one, connected }));
        expect(runnerStatus(withConnections, NOW)).toMatchObject({ status, changesAt });
      }),
    );
  });

  test('does not depend on the order of the replicas', () => {
    fc.assert(
      fc.property(fc.array(anyReplica, { maxLength: 6 }), (replicas) => {
        expect(runnerStatus(replicas.toReversed(), NOW)).toEqual(runnerStatus(replicas, NOW));
      }),
    );
  });

  test('changes by itself exactly when it says so, and not before', () => {
    fc.assert(
      fc.property(fc.array(anyReplica, { maxLength: 4 }), fc.nat(300_000), (replicas, wait) => {
        const now = runnerStatus(replicas, NOW);
        const later = NOW + wait;
        if (now.changesAt !== null) expect(now.changesAt).toBeGreaterThan(NOW);
        if (now.changesAt === null || later < now.changesAt)
          expect(runnerStatus(replicas, later).status).toBe(now.status);
      }),
    );
  });

  test('without a word for longer than the last threshold, nothing is ever green', () => {
    fc.assert(
      fc.property(fc.array(anyReplica, { minLength: 1, maxLength: 4 }), (replicas) => {
        const { status } = runnerStatus(replicas, NOW + DOWN_AFTER_MS + 1);
        expect(['New', 'Down']).toContain(status);
      }),
    );
    expect(UNKNOWN_AFTER_MS).toBeLessThan(DOWN_AFTER_MS);
  });

  test('always says why, in a sentence', () => {
    fc.assert(
      fc.property(fc.array(anyReplica, { maxLength: 4 }), (replicas) => {
        expect(runnerStatus(replicas, NOW).reason).toMatch(/^\S.*\.$/);
      }),
    );
  });
});
