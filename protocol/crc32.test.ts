import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32, portableCrc32 } from './crc32.ts';

const piece = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 500, maxLength: 2000 }));

test('both ways give what zlib gives, in one piece or in several', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const expected = zlibCrc32(Buffer.concat(pieces));
      expect(pieces.reduce((sum, bytes) => crc32(bytes, sum), 0)).toBe(expected);
      expect(pieces.reduce((sum, bytes) => portableCrc32(bytes, sum), 0)).toBe(expected);
    }),
  );
});

test('the known value of the standard', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
  expect(portableCrc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
});
