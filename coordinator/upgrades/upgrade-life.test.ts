import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { UpgradeReport } from '../../protocol/upgrade.ts';
import { ringsOf } from '../../protocol/upgrade-rings.ts';
import type { ReplicaPresence } from '../presence.ts';
import {
  advance,
  cancel,
  isUnderWay,
  type Member,
  MOST_AT_ONCE,
  report,
  resume,
  SETTLE_MS,
  upgradeRecord,
} from './upgrade-life.ts';

const BEGIN = 1_800_000_000_000;

/** An upgrade of `count` connected replicas, time that a test moves, and what was ordered so far. */
function lab(count: number, parts: readonly number[] = [100]) {
  const rings = ringsOf(count, parts);
  const record = upgradeRecord(
    {
      id: 'u',
      version: '2.0.0',
      state: 'running',
      reason: null,
      rings: JSON.stringify(parts),
      ring: 0,
      ring_since: BEGIN,
      accepted_failures: 0,
      allow_downgrade: 0,
      wait_seconds: 60,
      trial_seconds: 120,
      created_at: BEGIN,
      created_by: 'tester',
      ended_at: null,
    },
    rings.map((ring, at) => ({
      upgrade_id: 'u',
      replica_id: `r${at}`,
      runner_id: `runner-${at}`,
      runner_name: `host-${at}`,
      hostname: 'h',
      ring,
      from_version: '1.0.0',
      phase: 'pending',
      detail: '',
      updated_at: BEGIN,
    })),
  );
  const presences = new Map(
    record.members.map(({ row }) => [
      row.replica_id,
      { connected: true, lastSeen: BEGIN, checks: [], upgradable: { can: true, why: '' } } as unknown as {
        -readonly [Key in keyof ReplicaPresence]: ReplicaPresence[Key];
      },
    ]),
  );
  const ordered: string[] = [];
  let now = BEGIN;
  const said = (phase: UpgradeReport['phase'], detail = ''): UpgradeReport => ({
    upgrade: 'u',
    phase,
    version: '2.0.0',
    detail,
    received: 0,
    total: 0,
  });
  const member = (at: number) => record.members[at] as Member;
  return {
    record,
    presences,
    ordered,
    member,
    step(ms = 1000) {
      now += ms;
      return advance(record, {
        now,
        presence: (id) => (presences.get(id) as ReplicaPresence | undefined) ?? null,
        order(one) {
          ordered.push(one.row.replica_id);
          return true;
        },
      });
    },
    says: (at: number, phase: UpgradeReport['phase'], detail?: string) =>
      report(record, member(at), said(phase, detail), now),
    resume: () => resume(record, now),
    cancel: () => cancel(record, 'tester cancelled it.', now),
    phases: () => record.members.map(({ row }) => row.phase),
  };
}

test('a ring begins when the one before is done and has been well for a while', () => {
  const one = lab(4, [25, 100]);
  one.step();
  expect(one.ordered).toEqual(['r0']);
  for (const phase of ['downloading', 'waiting', 'switching', 'checked-in'] as const) one.says(0, phase);
  one.step(SETTLE_MS - 1000);
  expect(one.ordered).toEqual(['r0']);
  one.step(1001);
  one.step();
  expect(one.ordered).toEqual(['r0', 'r1', 'r2', 'r3']);
  for (const at of [1, 2, 3]) one.says(at, 'checked-in');
  one.step();
  expect(one.record.row).toMatchObject({ state: 'finished', reason: null });
  expect(isUnderWay(one.record)).toBe(false);
});

test('a failure pauses it and says whose and why; who goes on all the same is not asked again for it', () => {
  const one = lab(3, [34, 67, 100]);
  one.step();
  one.says(0, 'failed', 'It did not check in within 120 s.');
  one.says(1, 'checked-in');
  one.step();
  one.says(1, 'checked-in');
  one.step();
  expect(one.record.row.state).toBe('paused');
  expect(one.record.row.reason).toMatch(/1 of \d in ring 1 failed\. host-0: It did not check in within 120 s\./);
  const before = [...one.ordered];
  one.step(3_600_000);
  expect(one.ordered).toEqual(before);
  one.resume();
  for (let i = 0; i < 60; i++) one.step();
  expect(one.record.row.state).toBe('running');
  expect(one.ordered.length).toBeGreaterThan(before.length);
});

test('a ring whose agents are not well after their upgrade pauses it', () => {
  const one = lab(2, [50, 100]);
  one.step();
  one.says(0, 'checked-in');
  const seen = one.presences.get('r0');
  if (seen === undefined) throw new Error('It is gone.');
  seen.checks = [{ check: 'disk', ok: false, detail: 'Only 3 MB are free.' }];
  one.step(30_000);
  expect(one.record.row.state).toBe('running');
  one.step(31_000);
  expect(one.record.row).toMatchObject({
    state: 'paused',
    reason: 'After its upgrade host-0 is not well: Only 3 MB are free.',
  });
});

test('who is absent, retired or cannot be upgraded is left as it is and holds nobody up', () => {
  const one = lab(4);
  const [absent, stuck] = [one.presences.get('r0'), one.presences.get('r1')];
  if (absent === undefined || stuck === undefined) throw new Error('They are gone.');
  absent.connected = false;
  stuck.upgradable = { can: false, why: 'It runs in a container.' };
  one.presences.delete('r2');
  one.step();
  expect(one.ordered).toEqual(['r3']);
  one.says(3, 'checked-in');
  one.step(30_000);
  expect(one.record.row.state).toBe('running');
  one.step(31_000);
  one.step();
  expect(one.record.row).toMatchObject({ state: 'finished', reason: null });
  expect(one.record.members.map(({ row }) => row.detail)).toEqual([
    'It was not connected when its turn came.',
    'It runs in a container.',
    'The replica was retired.',
    '',
  ]);
});

test('an agent that is not heard of after it began to switch has failed, until it is heard of', () => {
  const one = lab(1);
  one.step();
  one.says(0, 'switching');
  one.step(200_000);
  expect(one.phases()).toEqual(['switching']);
  one.step(20_000);
  one.step();
  expect(one.record.row).toMatchObject({ state: 'finished', reason: expect.stringContaining('1 of 1 failed') });
  one.says(0, 'checked-in');
  expect(one.phases()).toEqual(['checked-in']);
});

test('only so many fetch at once, and a cancelled one begins with nobody', () => {
  const one = lab(MOST_AT_ONCE + 5);
  one.step();
  expect(one.ordered).toHaveLength(MOST_AT_ONCE);
  one.says(0, 'waiting');
  one.step();
  expect(one.ordered).toHaveLength(MOST_AT_ONCE + 1);
  expect(one.cancel().map(({ row }) => row.replica_id)).toEqual(one.ordered);
  one.step();
  expect(one.ordered).toHaveLength(MOST_AT_ONCE + 1);
  expect(one.phases().filter((phase) => phase === 'skipped')).toHaveLength(4);
});

test('whatever agents report in whatever order, a later ring never begins before the earlier one is done, and it ends', () => {
  const event = fc.record({
    at: fc.nat(5),
    phase: fc.constantFrom('downloading', 'waiting', 'switching', 'checked-in', 'failed' as const),
    ms: fc.constantFrom(500, 5_000, 70_000),
    connected: fc.boolean(),
    resumes: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const one = lab(6, [20, 60, 100]);
      const check = () => {
        const { ring, state } = one.record.row;
        for (const { row } of one.record.members) {
          if (row.ring > ring && state !== 'cancelled') expect(row.phase).toBe('pending');
        }
      };
      for (const { at, phase, ms, connected, resumes } of events) {
        const seen = one.presences.get(`r${at}`);
        if (seen !== undefined) seen.connected = connected;
        // An agent reports only what it was ordered.
        if (one.ordered.includes(`r${at}`)) one.says(at, phase);
        one.step(ms);
        if (resumes && one.record.row.state === 'paused') one.resume();
        check();
      }
      for (const seen of one.presences.values()) seen.connected = true;
      for (let i = 0; i < 200 && isUnderWay(one.record); i++) {
        for (const id of one.ordered) one.says(Number(id.slice(1)), 'checked-in');
        one.step(20_000);
        if (one.record.row.state === 'paused') one.resume();
      }
      expect(one.record.row.state).toBe('finished');
    }),
  );
});
