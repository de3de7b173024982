import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RunnerVersions, type VersionState, versionOrder, versionState } from './version-state.ts';

const replica = (version: string, more: Partial<RunnerVersions['replicas'][number]> = {}) => ({
  version,
  connected: true,
  lastSeen: 1000,
  ...more,
});
const turnedAway = (at: number, code = 'protocol-unsupported') => ({ code, at: new Date(at).toISOString() });
const away = { connected: false, lastSeen: 1000 };

test.each<[string, RunnerVersions, VersionState]>([
  ['no agent yet', { replicas: [], refusals: [] }, 'unknown'],
  ['the version that is handed out', { replicas: [replica('0.2.0')], refusals: [] }, 'current'],
  ['another build of it', { replicas: [replica('0.2.0+7')], refusals: [] }, 'current'],
  ['an older one', { replicas: [replica('0.1.9')], refusals: [] }, 'outdated'],
  ['a pre-release of it', { replicas: [replica('0.2.0-dev.1')], refusals: [] }, 'outdated'],
  ['what is no version', { replicas: [replica('trunk')], refusals: [] }, 'outdated'],
  ['a newer one', { replicas: [replica('0.10.0')], refusals: [] }, 'newer'],
  ['one of two is outdated', { replicas: [replica('0.3.0'), replica('0.1.0')], refusals: [] }, 'outdated'],
  ['one of two is newer', { replicas: [replica('0.2.0'), replica('0.3.0')], refusals: [] }, 'newer'],
  ['turned away since', { replicas: [replica('0.1.0', away)], refusals: [turnedAway(1001)] }, 'too-old'],
  ['turned away before it came in', { replicas: [], refusals: [turnedAway(1001)] }, 'too-old'],
  [
    'one of two was turned away',
    { replicas: [replica('0.2.0'), replica('0.1.0', away)], refusals: [turnedAway(1001)] },
    'too-old',
  ],
  ['turned away, but heard of later', { replicas: [replica('0.1.0', away)], refusals: [turnedAway(999)] }, 'outdated'],
  ['turned away, but connected now', { replicas: [replica('0.1.0')], refusals: [turnedAway(2000)] }, 'outdated'],
  [
    'turned away for something else',
    { replicas: [replica('0.1.0', away)], refusals: [turnedAway(1001, 'replica-revoked')] },
    'outdated',
  ],
  [
    'one that was replaced by hand was turned away as too new',
    { replicas: [replica('0.1.0', away)], refusals: [turnedAway(1001, 'protocol-too-new')] },
    'too-new',
  ],
  ['too new before it came in', { replicas: [], refusals: [turnedAway(1001, 'protocol-too-new')] }, 'too-new'],
  [
    'too new first, then put back by hand to one that is too old',
    { replicas: [replica('0.3.0', away)], refusals: [turnedAway(1002), turnedAway(1001, 'protocol-too-new')] },
    'too-old',
  ],
  [
    'too new, but connected since with another',
    { replicas: [replica('0.2.0')], refusals: [turnedAway(1001, 'protocol-too-new')] },
    'current',
  ],
])('%s', (_what, runner, state) => {
  expect(versionState(runner, '0.2.0')).toBe(state);
});

test('with nothing to hand out nothing is known', () => {
  expect(versionState({ replicas: [replica('0.1.0')], refusals: [] }, null)).toBe('unknown');
  expect(versionOrder('0.1.0', null)).toBe('unknown');
});

test('outdated here is newer there, and the order of replicas does not matter', () => {
  const version = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)).map((parts) => parts.join('.'));
  const mirrored = { current: 'current', outdated: 'newer', newer: 'outdated', unknown: 'unknown' };
  fc.assert(
    fc.property(version, version, (a, b) => {
      expect(versionOrder(b, a)).toBe(mirrored[versionOrder(a, b)]);
    }),
  );
  fc.assert(
    fc.property(fc.array(version, { minLength: 1 }), version, (versions, handedOut) => {
      const of = (some: string[]) =>
        versionState({ replicas: some.map((one) => replica(one)), refusals: [] }, handedOut);
      expect(of(versions.toReversed())).toBe(of(versions));
    }),
  );
});
