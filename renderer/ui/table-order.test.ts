import fc from 'fast-check';
import { expect, test } from 'vitest';
import { naturalKey, parseSort, sortText } from './table-order.ts';

const ordered = (...texts: string[]) =>
  texts.toSorted((a, b) => {
    const [left, right] = [naturalKey(a), naturalKey(b)];
    return left < right ? -1 : Number(left > right);
  });

test('numbers inside of a text count by their size, also with leading zeros', () => {
  expect(ordered('web10', 'web2', 'web1', 'web010a')).toEqual(['web1', 'web2', 'web10', 'web010a']);
});

test('case and accents do not matter', () => {
  expect(ordered('zürich', 'Zagreb', 'Ähre', 'apfel')).toEqual(['Ähre', 'apfel', 'Zagreb', 'zürich']);
  expect(naturalKey('Zürich')).toBe(naturalKey('zurich'));
});

test('an order reads back as it was written', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]+$/), fc.boolean(), (id, desc) => {
      expect(parseSort(sortText(id, desc))).toEqual([{ id, desc }]);
    }),
  );
  expect(parseSort(undefined)).toEqual([]);
});
