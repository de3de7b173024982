import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { powershellWord, shWord } from './shell-words.ts';

const shells = [['sh'], ['dash'], ['bash'], ['busybox', 'ash']].filter(
  ([program = '', ...args]) => spawnSync(program, [...args, '-c', 'true']).status === 0,
);
/** Not cut into lines, but no NUL, and no lone surrogate, which no argument can carry. */
const texts = fc.array(
  fc.oneof(
    fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
    fc.constantFrom("'", "''", '"', '`id`', '$(id)', '$HOME', '\\', '\n', '; exit 7', '!!', '*', '~', '-n', '', '’'),
  ),
  { maxLength: 30 },
);

describe('a word of a POSIX shell', () => {
  it.each(shells.map((shell) => [shell.join(' '), shell] as const))(
    'is the text again when %s reads it',
    (_name, [program = '', ...args]) => {
      fc.assert(
        fc.property(texts, (words) => {
          const script = `printf '%s\\0' start ${words.map(shWord).join(' ')}`;
          const out = execFileSync(program, [...args, '-c', script], { encoding: 'utf8' });
          expect(out).toBe(['start', ...words].map((word) => `${word}\0`).join(''));
        }),
        { numRuns: 40 },
      );
    },
  );

  it('stays readable where it can, and refuses what no argument can hold', () => {
    expect([shWord('https://a:1/b-c_d.e'), shWord(''), shWord('a b')]).toEqual(['https://a:1/b-c_d.e', "''", "'a b'"]);
    expect(() => shWord('a\0b')).toThrow(RangeError);
  });
});

describe('a word of PowerShell', () => {
  /** How PowerShell reads such a word: its documentation names five characters that end it, and doubling for one inside. */
  const read = (word: string) => {
    const quote = /['\u2018\u2019\u201a\u201b]/;
    let text = '';
    for (let at = 1; at < word.length - 1; at++) {
      const char = word.charAt(at);
      if (quote.test(char) && !quote.test(word.charAt(++at))) throw new Error('the word ends early');
      text += char;
    }
    return text;
  };

  it('is the text again, whichever apostrophes it has', () => {
    const pieces = fc.array(fc.oneof(fc.string(), fc.constantFrom("'", '‘', '’', '‚', '‛', '$a', '`', '"', '$(exit)')));
    fc.assert(
      fc.property(pieces, (parts) => {
        expect(read(powershellWord(parts.join('')))).toBe(parts.join(''));
      }),
    );
    expect(() => powershellWord('\0')).toThrow(RangeError);
  });
});
