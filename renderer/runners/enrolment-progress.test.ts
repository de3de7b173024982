import { expect, test } from 'vitest';
import { enrolmentProgress, needsHelp } from './enrolment-progress.ts';
import { sampleReplica, sampleRunner } from './sample-runner.ts';

const NOW = Date.parse('2026-11-23T20:10:00.000Z');
const open = {
  state: 'open',
  createdAt: '2026-11-23T20:00:00.000Z',
  expiresAt: '2026-11-24T20:00:00.000Z',
  usedAt: null,
  downloadedAt: null,
} as const;

const states = (...args: Parameters<typeof enrolmentProgress>) => enrolmentProgress(...args).map(({ state }) => state);

test('a fresh Runner has a token and waits to be downloaded', () => {
  expect(states(sampleRunner({ enrolment: open }), NOW)).toEqual(['done', 'now', 'later', 'later']);
});

test('after the download it waits for the first check-in', () => {
  const runner = sampleRunner({ enrolment: { ...open, downloadedAt: '2026-11-23T20:05:00.000Z' } });
  expect(states(runner, NOW)).toEqual(['done', 'done', 'now', 'later']);
  expect(enrolmentProgress(runner, NOW)[2]?.text).toBe('Waiting for first check-in');
});

test('once enrolled it names host, system and version, and the last step is its status', () => {
  const replicas = [sampleReplica({ hostname: 'berlin-7', osVersion: 'Debian 12', version: '0.1.0' })];
  const runner = sampleRunner({ enrolment: { ...open, state: 'used' }, status: 'Healthy', replicas });
  const steps = enrolmentProgress(runner, NOW);
  expect(steps.map(({ state }) => state)).toEqual(['done', 'done', 'done', 'done']);
  expect(steps[2]?.text).toBe('Enrolled from berlin-7 (Debian 12, agent 0.1.0)');
});

test('a Runner that was heard of a moment ago and whose connection is closed is not called ready for work', () => {
  const enrolment = { ...open, state: 'used' } as const;
  const cutOff = { enrolment, status: 'Healthy', reconnecting: true } as const;
  const last = (...connected: boolean[]) => {
    const replicas = connected.map((one) => sampleReplica({ connected: one }));
    return enrolmentProgress(sampleRunner({ ...cutOff, replicas }), NOW).at(-1);
  };
  expect(last(false)).toMatchObject({ state: 'now', text: 'Enrolled; waiting for its connection' });
  expect(last(false, true)).toMatchObject({ state: 'done', text: 'Healthy: ready for work' });
});

test.each([
  ['expired by the coordinator', { ...open, state: 'expired' } as const],
  ['past its end, though nobody has said so yet', { ...open, expiresAt: '2026-11-23T20:09:59.000Z' }],
  ['revoked', { ...open, state: 'revoked' } as const],
])('a token that is %s is shown as failed', (_what, enrolment) => {
  expect(enrolmentProgress(sampleRunner({ enrolment }), NOW)[0]?.state).toBe('failed');
});

test('an enrolled Runner that is down fails at the last step and says why', () => {
  const runner = sampleRunner({
    enrolment: { ...open, state: 'used' },
    replicas: [sampleReplica()],
    status: 'Down',
    statusReason: 'The agent was stopped and said good-bye.',
  });
  const last = enrolmentProgress(runner, NOW).at(-1);
  expect(last).toMatchObject({ state: 'failed', text: 'Down: The agent was stopped and said good-bye.' });
});

test('help is due after a minute without an agent, and never once there is one', () => {
  const waiting = sampleRunner({ enrolment: open });
  expect(needsHelp(waiting, NOW, NOW + 59_999)).toBe(false);
  expect(needsHelp(waiting, NOW, NOW + 60_000)).toBe(true);
  expect(needsHelp({ ...waiting, replicas: [sampleReplica()] }, NOW, NOW + 60_000)).toBe(false);
});
