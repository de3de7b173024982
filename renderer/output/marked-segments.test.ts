import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { markedSegments } from './marked-segments.ts';

const segment = (text: string) => ({ text, foreground: null, background: null, styles: [] });

describe('marking what is searched for', () => {
  test('also where colours change inside of it', () => {
    const marked = markedSegments(['an er', 'r', 'or, error'].map(segment), 'ERROR');
    expect(marked.map(({ text, hit }) => (hit ? `<${text}>` : text))).toEqual([
      'an ',
      '<er>',
      '<r>',
      '<or>',
      ', ',
      '<error>',
    ]);
  });

  test('loses and adds nothing', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'A'), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(word), word, (texts, wanted) => {
        const marked = markedSegments(texts.map(segment), wanted);
        expect(marked.map(({ text }) => text).join('')).toBe(texts.join(''));
        expect(marked.every(({ text }) => text !== '')).toBe(true);
      }),
    );
  });
});
