import { expect, test } from 'vitest';
import { PLATFORM_TARGETS } from '../../protocol/enrolment.ts';
import { likelyPlatform } from './likely-platform.ts';

const linux = 'Mozilla/5.0 (X11; Linux x86_64) Chrome/156';
const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/156';
const mac = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/156';
const all = { runner: null, last: null, userAgent: linux, available: PLATFORM_TARGETS };

test.each([
  [linux, 'linux-x64'],
  [windows, 'win-x64'],
  [mac, 'macos-arm64'],
])('without other signs it is the kind of this computer: %s', (userAgent, platform) => {
  expect(likelyPlatform({ ...all, userAgent })).toBe(platform);
});

test('what was downloaded last goes before this computer, and what the Runner runs on before both', () => {
  expect(likelyPlatform({ ...all, last: 'win-x64' })).toBe('win-x64');
  expect(likelyPlatform({ ...all, last: 'win-x64', runner: 'linux-arm64' })).toBe('linux-arm64');
});

test('only what can be downloaded is chosen', () => {
  expect(likelyPlatform({ ...all, userAgent: windows, available: ['linux-x64'] })).toBe('linux-x64');
  expect(likelyPlatform({ ...all, last: 'amiga', available: [] })).toBeNull();
});
