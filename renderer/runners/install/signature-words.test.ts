import { expect, test } from 'vitest';
import { PLATFORM_TARGETS } from '../../../protocol/enrolment.ts';
import { PlatformSignatureSchema } from '../../../protocol/release.ts';
import { signatureWords } from './signature-words.ts';

const KINDS = PlatformSignatureSchema.shape.kind.options;

test.each([
  ['linux-x64', 'none', 'plain', /^Not signed for Linux: That is usual/],
  ['win-x64', 'none', 'asks', /^Not signed for Windows: Windows warns of an unknown publisher/],
  ['win-x64', 'signed', 'good', /^Authenticode: signed by Example Ltd: Windows shows this name/],
  ['win-x64', 'development', 'asks', /no authority vouches: Windows trusts that no more than no signature/],
  ['macos-arm64', 'ad-hoc', 'asks', /^Signed ad hoc, which names nobody: It starts on Apple silicon\. .*Gatekeeper/],
  ['macos-x64', 'ad-hoc', 'asks', /^Signed ad hoc, which names nobody: It starts\. .*Gatekeeper/],
  ['macos-arm64', 'none', 'asks', /Apple silicon starts nothing that is not signed/],
  ['macos-arm64', 'signed', 'good', /^Developer ID: signed by Example Ltd: It starts on every Mac/],
] as const)('on %s, %s: %s, in words', (platform, kind, sign, words) => {
  const found = signatureWords(platform, { kind, signer: kind === 'none' || kind === 'ad-hoc' ? null : 'Example Ltd' });
  expect(found.sign).toBe(sign);
  expect(`${found.title}: ${found.meaning}`).toMatch(words);
});

test('only what an authority vouches for looks good, and there are words for everything', () => {
  for (const platform of PLATFORM_TARGETS) {
    for (const kind of KINDS) {
      const found = signatureWords(platform, { kind, signer: null });
      expect(found.sign === 'good', `${platform} ${kind}`).toBe(kind === 'signed' && !platform.startsWith('linux'));
      expect(`${found.title} ${found.meaning}`).not.toMatch(/null|undefined/);
    }
    expect(signatureWords(platform, null).title).toBe('Signature for the system not known');
  }
});
