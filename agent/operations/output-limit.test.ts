import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OutputMeter } from './output-limit.ts';

/** What a meter lets through of some text, handed over in pieces. */
function admitted(pieces: readonly Uint8Array[], limit: { bytes?: number; lines?: number }): Buffer {
  const meter = new OutputMeter({ bytes: 0, lines: 0, action: 'truncate', ...limit });
  return Buffer.concat(pieces.map((piece) => piece.subarray(0, meter.admit(piece).bytes)));
}

const pieces = fc.array(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.map((byte) => (byte % 3 === 0 ? 10 : byte))),
);

test('however output is cut into pieces, the same bytes are let through: a prefix of at most so many bytes', () => {
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 200 }), (parts, bytes) => {
      const all = Buffer.concat(parts);
      expect(admitted(parts, { bytes }).equals(all.subarray(0, bytes))).toBe(true);
    }),
  );
});

test('a limit of lines lets that many whole lines through, however they are cut', () => {
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 20 }), (parts, lines) => {
      const all = Buffer.concat(parts);
      let end = 0;
      for (let n = 0; n < lines && end < all.length; n++) {
        const at = all.indexOf(10, end);
        end = at < 0 ? all.length : at + 1;
      }
      expect(admitted(parts, { lines }).equals(all.subarray(0, end))).toBe(true);
    }),
  );
});

test('the limit is reached once, by the first byte that is too much', () => {
  const meter = new OutputMeter({ bytes: 4, lines: 0, action: 'stop' });
  const piece = Buffer.from('ab');
  expect(meter.admit(piece)).toEqual({ bytes: 2, reached: false });
  expect(meter.admit(piece)).toEqual({ bytes: 2, reached: false });
  expect(meter.reached).toBe(false);
  expect(meter.admit(piece)).toEqual({ bytes: 0, reached: true });
  expect(meter.admit(piece)).toEqual({ bytes: 0, reached: false });
  expect(meter.words).toBe('4 bytes');
});

test('without a limit everything goes through', () => {
  const meter = new OutputMeter({ bytes: 0, lines: 0, action: 'truncate' });
  expect(meter.admit(Buffer.alloc(1 << 20, 10))).toEqual({ bytes: 1 << 20, reached: false });
});
