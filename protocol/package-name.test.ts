import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packageFileName, packageFolder, runnerSlug } from './package-name.ts';

test.each([
  ['Berlin DMZ 1', 'berlin-dmz-1'],
  ['Zürich/Löwenstraße', 'zurich-lowenstra-e'],
  ['  --  ', 'runner'],
  ['東京', 'runner'],
  ['../../etc/passwd', 'etc-passwd'],
])('the Runner “%s” becomes “%s”', (name, slug) => {
  expect(runnerSlug(name)).toBe(slug);
});

test('whatever the name, the result is a plain file name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(runnerSlug(name))),
  );
});

test('folder and file carry the Runner, the file also the platform', () => {
  expect(packageFolder('Berlin DMZ')).toBe('outrunner-berlin-dmz');
  expect(packageFileName('Berlin DMZ', 'win-x64', 'zip')).toBe('outrunner-berlin-dmz-win-x64.zip');
});
