import { expect, test } from 'vitest';
import { byteSize } from './byte-size.ts';

test.each([
  [0, '0 bytes'],
  [999, '999 bytes'],
  [1000, '1.0 kB'],
  [45_200_000, '45.2 MB'],
  [999_700, '1.0 MB'],
  [123_456_789, '123 MB'],
  [3_000_000_000_000_000, '3000 TB'],
])('%i bytes read “%s”', (bytes, text) => {
  expect(byteSize(bytes)).toBe(text);
});
