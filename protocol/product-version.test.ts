import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareVersions } from './product-version.ts';

test('versions are ordered as SemVer says', () => {
  const ordered = [
    'none',
    '0.1.0-alpha',
    '0.1.0-alpha.1',
    '0.1.0-alpha.beta',
    '0.1.0-beta',
    '0.1.0-beta.2',
    '0.1.0-beta.11',
    '0.1.0-rc.1',
    '0.1.0',
    '0.1.1',
    '0.2.0',
    '0.10.0',
    '1.0.0',
  ];
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries())
      expect(Math.sign(compareVersions(a, b)), `${a} ${b}`).toBe(Math.sign(i - j));
  }
  expect(compareVersions('1.0.0+a', '1.0.0+b')).toBe(0);
});

test('it is a total order whatever the texts are', () => {
  const part = fc.oneof(fc.nat(20).map(String), fc.constantFrom('a', 'B', 'rc', ''));
  const version = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc
      .tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.array(part, { maxLength: 3 }))
      .map(([a, b, c, early]) => `${a}.${b}.${c}${early.length === 0 ? '' : `-${early.join('.')}`}`),
  );
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) || 0);
      if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
        expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
    }),
  );
});
