import { expect, test } from 'vitest';
import { sampleReplica, sampleRunner } from '../runners/sample-runner.ts';
import { candidatesOf } from './candidates.ts';

const host = (hostname: string, change: Parameters<typeof sampleReplica>[0] = {}) =>
  sampleReplica({ hostname, ...change });
const names = (some: readonly { replica: { hostname: string }; obstacle: string | null }[]) =>
  some.map(({ replica, obstacle }) => (obstacle === null ? replica.hostname : `${replica.hostname}: ${obstacle}`));

const why = 'It was started by hand: install it as a service.';
const web = sampleRunner({
  replicas: [
    host('web-1'),
    host('web-2', { version: '0.2.0' }),
    host('web-3', { upgradable: { can: false, why } }),
    host('web-4', { connected: false, upgradable: null }),
  ],
});
const newer = sampleRunner({ replicas: [host('newer', { version: '0.3.0' })] });
const byHand = sampleRunner({ replicas: [host('by-hand', { upgradable: { can: false, why } })] });
const busy = sampleRunner({ replicas: [host('busy-1'), host('busy-2')] });
const inHand = new Set([busy.replicas[0]?.id ?? '']);
const away = 'Not connected: it is left as it is unless it is back when its turn comes.';

test('outdated replicas are taken; those that cannot be, that are newer, or in hand already are left with the reason', () => {
  const { taken, left, runners } = candidatesOf([web, newer, byHand, busy], '0.2.0', false, inHand);
  expect(names(taken)).toEqual(['web-1', `web-4: ${away}`]);
  const isBusy = 'It is part of an upgrade that is under way.';
  expect(names(left)).toEqual([
    `web-3: ${why}`,
    'newer: It has a newer version.',
    `by-hand: ${why}`,
    `busy-1: ${isBusy}`,
    `busy-2: ${isBusy}`,
  ]);
  expect(runners).toEqual([web.id]);
});

test('only a downgrade that was asked for takes those that are newer', () => {
  expect(candidatesOf([newer], '0.2.0', false, new Set()).runners).toEqual([]);
  expect(names(candidatesOf([newer], '0.2.0', true, new Set()).taken)).toEqual(['newer']);
});
