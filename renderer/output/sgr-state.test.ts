import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PLAIN, plainSgrParameters, sgrAfter, sgrSequence } from './sgr-state.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const leftBy = (text: string) => sgrSequence(sgrAfter(PLAIN, bytes(text)));

describe('the colour that a line leaves to the next', () => {
  test('is what was set and not taken back', () => {
    expect(leftBy('\u001b[31mred')).toBe('\u001b[31m');
    expect(leftBy('\u001b[1;38;5;208;48;2;1;2;3mx')).toBe('\u001b[1;38;5;208;48;2;1;2;3m');
    expect(leftBy('\u001b[31mred\u001b[0m')).toBe('');
    expect(leftBy('\u001b[31mred\u001b[m')).toBe('');
    expect(leftBy('\u001b[1;3;31m\u001b[39m\u001b[22m')).toBe('\u001b[3m');
    expect(leftBy('\u001b[91;104m\u001b[49m')).toBe('\u001b[91m');
  });

  test('other sequences do not change it', () => {
    expect(leftBy('\u001b[31m\u001b[2K\u001b[?25l\u001b]0;m\u0007')).toBe('\u001b[31m');
  });

  test('colons mean what semicolons mean', () => {
    expect(plainSgrParameters('38:2::1:2:3')).toBe('38;2;1;2;3');
    expect(plainSgrParameters('38:5:9;4:0')).toBe('38;5;9;24');
    expect(leftBy('\u001b[38:2::1:2:3m')).toBe('\u001b[38;2;1;2;3m');
  });

  test('its sequence brings a plain terminal into the same state, for any bytes', () => {
    const part = fc.oneof(
      fc
        .array(fc.oneof(fc.integer({ min: 0, max: 110 }), fc.constantFrom('38;5', '48;2;1;2;3', '', '4:3')))
        .map((codes) => `\u001b[${codes.join(';')}m`),
      fc.string(),
      fc.constant('\u001b'),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const state = sgrAfter(PLAIN, bytes(parts.join('')));
        expect(sgrAfter(PLAIN, bytes(sgrSequence(state)))).toEqual(state);
      }),
      { numRuns: 500 },
    );
  });
});
