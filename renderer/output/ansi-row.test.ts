// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keepOnlySgr, plainText, rowSegments } from './ansi-row.ts';

const noise = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '\u001b',
        '\u001b[',
        '\u001b]0;',
        '\u0007',
        '\u001b\\',
        'm',
        ';',
        '38;5;',
        '48;2;',
        '[',
        '\u009b',
        '\r',
        '\b',
        '4:3m',
      ),
      fc.integer({ min: 0, max: 300 }).map(String),
    ),
  )
  .map((parts) => parts.join(''));

describe('rows of a log', () => {
  test('colours and styles become classes, as React text', () => {
    expect(rowSegments('a\u001b[1;31mred\u001b[0m b')).toEqual([
      { text: 'a', foreground: null, background: null, styles: [] },
      { text: 'red', foreground: 'ansi-red', background: null, styles: ['ansi-bold'] },
      { text: ' b', foreground: null, background: null, styles: [] },
    ]);
  });

  test('256 colours and true colours become CSS colours, also with colons', () => {
    expect(rowSegments('\u001b[38;5;208mo')[0]?.foreground).toBe('rgb(255, 135, 0)');
    expect(rowSegments('\u001b[48;5;232mo')[0]?.background).toBe('rgb(8, 8, 8)');
    expect(rowSegments('\u001b[38;2;1;2;3mo')[0]?.foreground).toBe('rgb(1, 2, 3)');
    expect(rowSegments('\u001b[38:2::1:2:3mo')[0]?.foreground).toBe('rgb(1, 2, 3)');
    expect(rowSegments('\u001b[4:3mo')[0]?.styles).toEqual(['ansi-underline']);
  });

  test('reversed video swaps the colours', () => {
    expect(rowSegments('\u001b[7;31mx')[0]).toMatchObject({ foreground: 'ansi-black', background: 'ansi-red' });
  });

  test('titles, links, cursor movements and bells leave nothing behind', () => {
    expect(
      plainText('\u001b]0;title\u0007a\u001b[2K\u001b[1Ab\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\\u0007c'),
    ).toBe('ablinkc');
    expect(keepOnlySgr('\u001b[?25la\u001b[31mb\u001b(B')).toBe('a\u001b[31mb');
  });

  test('an unfinished sequence at the end is not shown', () => {
    expect(plainText('a\u001b[31')).toBe('a');
    expect(plainText('a\u001b')).toBe('a');
    expect(plainText('a\u001b]0;never closed')).toBe('a');
  });

  test('no text whatever makes it throw, and the parts are what a person reads', () => {
    fc.assert(
      fc.property(noise, (text) => {
        const joined = rowSegments(text)
          .map((segment) => segment.text)
          .join('');
        expect(joined).toBe(plainText(text));
      }),
      { numRuns: 2000 },
    );
  });

  test('no control character reaches the page', () => {
    fc.assert(
      fc.property(noise, (text) => {
        expect(plainText(text)).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
      }),
      { numRuns: 1000 },
    );
  });
});
