import { crc32 as zlibCrc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32 } from './crc32.ts';
import {
  decodeJournal,
  encodeRecord,
  FinishedPayloadSchema,
  HEADER_BYTES,
  JournalReader,
  type JournalRecord,
  jsonPayload,
  MAX_PAYLOAD_BYTES,
  RECORD_KINDS,
  readPayload,
  readRecord,
  STREAMS,
} from './journal.ts';

const anyRecord = fc.record({
  kind: fc.constantFrom(...RECORD_KINDS),
  stream: fc.constantFrom(...STREAMS),
  step: fc.nat(0xffff),
  node: fc.nat(0xffffffff),
  time: fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }),
  payload: fc.uint8Array({ maxLength: 300 }),
});

const anyJournal = fc
  .array(anyRecord, { maxLength: 12 })
  .map((records): JournalRecord[] => records.map((record, number) => ({ ...record, number })));

function bytesOf(records: readonly JournalRecord[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(records.map(encodeRecord)));
}

const plain = (records: readonly JournalRecord[]) =>
  records.map((record) => ({ ...record, payload: [...record.payload] }));

describe('crc32', () => {
  test('is the checksum that zlib makes, also in pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(500), (bytes, cut) => {
        expect(crc32(bytes)).toBe(zlibCrc32(bytes));
        expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(zlibCrc32(bytes));
      }),
    );
  });
});

describe('journal codec', () => {
  test('what was encoded is decoded, gapless and whole', () => {
    fc.assert(
      fc.property(anyJournal, (records) => {
        const decoded = decodeJournal(bytesOf(records));
        expect(plain(decoded.records)).toEqual(plain(records));
        expect(decoded).toMatchObject({ fault: null, nextNumber: records.length });
      }),
    );
  });

  test('a journal cut anywhere gives the whole records before the cut, and where to go on', () => {
    fc.assert(
      fc.property(anyJournal, fc.nat(4000), (records, cut) => {
        const bytes = bytesOf(records).subarray(0, cut);
        const decoded = decodeJournal(bytes);
        expect(plain(decoded.records)).toEqual(plain(records.slice(0, decoded.records.length)));
        expect(decoded.nextNumber).toBe(decoded.records.length);
        expect(decoded.fault).toBe(decoded.soundBytes === bytes.length ? null : 'torn');
        expect(decodeJournal(bytes.subarray(0, decoded.soundBytes)).fault).toBeNull();
      }),
    );
  });

  test('a flipped bit is never read as a different record', () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(), fc.nat(7), (record, at, bit) => {
        const bytes = encodeRecord({ ...record, number: 0 });
        bytes[at % bytes.length] = (bytes[at % bytes.length] as number) ^ (1 << bit);
        expect(readRecord(bytes, 0).ok).toBe(false);
      }),
    );
  });

  test('a gap or a repeated number is refused', () => {
    const record = (number: number) =>
      encodeRecord({ kind: 'output', stream: 'stdout', step: 0, node: 0, number, time: 0, payload: new Uint8Array(3) });
    const gap = Uint8Array.from(Buffer.concat([record(0), record(2)]));
    expect(decodeJournal(gap)).toMatchObject({ fault: 'corrupt', nextNumber: 1, soundBytes: HEADER_BYTES + 3 });
    expect(decodeJournal(record(5), 5)).toMatchObject({ fault: null, nextNumber: 6 });
  });

  test('however the bytes arrive, the reader gives the same records and offsets', () => {
    fc.assert(
      fc.property(anyJournal, fc.array(fc.integer({ min: 1, max: 200 })), (records, cuts) => {
        const bytes = bytesOf(records);
        const reader = new JournalReader();
        const read: JournalRecord[] = [];
        let at = 0;
        for (const size of cuts) {
          read.push(...reader.push(bytes.subarray(at, at + size)));
          at = Math.min(bytes.length, at + size);
        }
        read.push(...reader.push(bytes.subarray(at)));
        expect(plain(read)).toEqual(plain(records));
        expect(reader.offset).toBe(bytes.length);
      }),
    );
  });

  test('a reader refuses to show damaged bytes', () => {
    expect(() => new JournalReader().push(new Uint8Array(HEADER_BYTES).fill(0xff))).toThrow('damaged at byte 0');
  });

  test('no record is longer than the limit', () => {
    const payload = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
    expect(() =>
      encodeRecord({ kind: 'output', stream: 'stdout', step: 0, node: 0, number: 0, time: 0, payload }),
    ).toThrow(RangeError);
  });

  test('JSON payloads are checked on both sides', () => {
    const payload = jsonPayload(FinishedPayloadSchema, { outcome: 'succeeded', reason: 'Ünïcode', survivors: [] });
    const record: JournalRecord = { kind: 'finished', stream: 'none', step: 0, node: 0, number: 0, time: 0, payload };
    expect(readPayload(FinishedPayloadSchema, record)).toEqual({
      outcome: 'succeeded',
      reason: 'Ünïcode',
      survivors: [],
    });
    expect(() => readPayload(FinishedPayloadSchema, { ...record, payload: new TextEncoder().encode('{}') })).toThrow();
  });
});
