import { z } from 'zod';
import { crc32 } from './crc32.ts';
import { OUTCOMES } from './execution-state.ts';

/**
 * The journal of an operation: the ordered, numbered record of what started, what was printed and what ended. The same
 * bytes everywhere: the agent's spool file, the wire, the coordinator's file and the viewer's download are the same
 * concatenated records.
 *
 * A record is a fixed header of 28 bytes (little endian) and a payload:
 *
 * | at | size | field |
 * |----|------|-------|
 * | 0  | 1 | kind, see {@link RECORD_KINDS} |
 * | 1  | 1 | stream: 0 none, 1 stdout, 2 stderr |
 * | 2  | 2 | step, counted from 0; 0xFFFF: the whole operation |
 * | 4  | 4 | node, an index into the plan's nodes; 0: the Runner's own host |
 * | 8  | 4 | number, from 0 without gaps |
 * | 12 | 4 | length of the payload in bytes |
 * | 16 | 8 | time, milliseconds since the epoch by the agent's clock (float 64) |
 * | 24 | 4 | CRC-32 over bytes 0..24 and the payload |
 *
 * Output payloads are raw bytes, cut anywhere (also inside a character). All other payloads are JSON in UTF-8.
 */

export const HEADER_BYTES = 28;
/** No record is longer than this: a writer splits output, a reader refuses. */
export const MAX_PAYLOAD_BYTES = 1 << 20;
export const WHOLE_OPERATION = 0xffff;

export const RECORD_KINDS = ['started', 'step-started', 'output', 'data', 'step-finished', 'finished', 'mark'] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

export const STREAMS = ['none', 'stdout', 'stderr'] as const;
export type StreamName = (typeof STREAMS)[number];

export interface JournalRecord {
  readonly kind: RecordKind;
  readonly stream: StreamName;
  /** Step index, or {@link WHOLE_OPERATION}. */
  readonly step: number;
  readonly node: number;
  readonly number: number;
  /** Milliseconds since the epoch, by the agent's clock. */
  readonly time: number;
  readonly payload: Uint8Array;
}

/** Why a journal cannot be read on. `torn`: the last record is cut off (a crash); `corrupt`: bytes are not a record. */
export type JournalFault = 'torn' | 'corrupt';

/** Length in bytes that a record with this payload takes. */
export function recordLength(payloadLength: number): number {
  return HEADER_BYTES + payloadLength;
}

/**
 * The header of one record, for a writer that puts the payload behind it without copying. Throws RangeError for a payload
 * over {@link MAX_PAYLOAD_BYTES}: the writer must split it.
 */
export function encodeRecordHeader(record: JournalRecord): Uint8Array<ArrayBuffer> {
  const { payload } = record;
  if (payload.length > MAX_PAYLOAD_BYTES)
    throw new RangeError(`A journal record holds at most ${MAX_PAYLOAD_BYTES} bytes.`);
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  header[0] = RECORD_KINDS.indexOf(record.kind) + 1;
  header[1] = STREAMS.indexOf(record.stream);
  view.setUint16(2, record.step, true);
  view.setUint32(4, record.node, true);
  view.setUint32(8, record.number, true);
  view.setUint32(12, payload.length, true);
  view.setFloat64(16, record.time, true);
  view.setUint32(24, crc32(payload, crc32(header.subarray(0, 24))), true);
  return header;
}

/** The bytes of one record. Throws RangeError for a payload over {@link MAX_PAYLOAD_BYTES}: the writer must split it. */
export function encodeRecord(record: JournalRecord): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + record.payload.length);
  bytes.set(encodeRecordHeader(record));
  bytes.set(record.payload, HEADER_BYTES);
  return bytes;
}

/** The outcome of reading one record at `at`. */
export type ReadRecord =
  | { readonly ok: true; readonly record: JournalRecord; readonly next: number }
  | { readonly ok: false; readonly fault: JournalFault };

/**
 * Reads the record that starts at byte `at`. `torn` when the bytes end before the record does, `corrupt` when what is
 * there cannot be a record. The payload is a view into `bytes`, not a copy.
 */
export function readRecord(bytes: Uint8Array, at: number): ReadRecord {
  if (bytes.length - at < HEADER_BYTES) return { ok: false, fault: 'torn' };
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
  const kind = RECORD_KINDS[view.getUint8(0) - 1];
  const stream = STREAMS[view.getUint8(1)];
  const length = view.getUint32(12, true);
  if (kind === undefined || stream === undefined || length > MAX_PAYLOAD_BYTES) return { ok: false, fault: 'corrupt' };
  const end = at + HEADER_BYTES + length;
  if (bytes.length < end) return { ok: false, fault: 'torn' };
  const payload = bytes.subarray(at + HEADER_BYTES, end);
  if (crc32(payload, crc32(bytes.subarray(at, at + 24))) !== view.getUint32(24, true))
    return { ok: false, fault: 'corrupt' };
  return {
    ok: true,
    next: end,
    record: {
      kind,
      stream,
      step: view.getUint16(2, true),
      node: view.getUint32(4, true),
      number: view.getUint32(8, true),
      time: view.getFloat64(16, true),
      payload,
    },
  };
}

export interface DecodedJournal {
  readonly records: readonly JournalRecord[];
  /** Bytes of whole, sound, gapless records from the start; what lies behind must be cut off. */
  readonly soundBytes: number;
  /** Number that the next record must carry. */
  readonly nextNumber: number;
  /** Why reading stopped before the end of the bytes; null when it did not. */
  readonly fault: JournalFault | null;
}

/**
 * Reads all whole records of `bytes`, which begin with record `firstNumber`. Stops at the first torn, corrupt or
 * out-of-order record and says where: after a crash the file is truncated to `soundBytes` and the rest is sent again.
 */
export function decodeJournal(bytes: Uint8Array, firstNumber = 0): DecodedJournal {
  const records: JournalRecord[] = [];
  let at = 0;
  let nextNumber = firstNumber;
  while (at < bytes.length) {
    const read = readRecord(bytes, at);
    if (!read.ok) return { records, soundBytes: at, nextNumber, fault: read.fault };
    if (read.record.number !== nextNumber) return { records, soundBytes: at, nextNumber, fault: 'corrupt' };
    records.push(read.record);
    at = read.next;
    nextNumber += 1;
  }
  return { records, soundBytes: at, nextNumber, fault: null };
}

/**
 * Decodes a journal that arrives in chunks cut anywhere (a download that is followed). Feed it bytes, get whole records;
 * an incomplete tail waits for more. Throws on corrupt bytes: a viewer must not show what was not said.
 */
export class JournalReader {
  #tail: Uint8Array = new Uint8Array(0);
  /** Byte offset, in the journal, of the first byte that was not yet returned as part of a record. */
  offset: number;

  constructor(offset = 0) {
    this.offset = offset;
  }

  push(chunk: Uint8Array): JournalRecord[] {
    let bytes = chunk;
    if (this.#tail.length > 0) {
      bytes = new Uint8Array(this.#tail.length + chunk.length);
      bytes.set(this.#tail);
      bytes.set(chunk, this.#tail.length);
    }
    const records: JournalRecord[] = [];
    let at = 0;
    while (at < bytes.length) {
      const read = readRecord(bytes, at);
      if (!read.ok) {
        if (read.fault === 'corrupt') throw new Error(`The journal is damaged at byte ${this.offset}.`);
        break;
      }
      records.push(read.record);
      this.offset += read.next - at;
      at = read.next;
    }
    this.#tail = bytes.slice(at);
    return records;
  }
}

/** Why a step ended, as in the field's standard vocabulary (spec 18.4) plus what only an agent can say. */
export const StepReasonSchema = z
  .enum([
    'completed',
    'NonZeroResultCode',
    'signalled',
    'timeout',
    'cancelled',
    'IOFailure',
    'interpreter-missing',
    'agent-restarted',
    'agent-stopped',
    'output-limit',
    'skipped',
  ])
  .meta({ id: 'StepReason' });
export type StepReason = z.infer<typeof StepReasonSchema>;

/** A process that outlived its stop. */
export const SurvivorSchema = z.object({ pid: z.number().int(), command: z.string() }).meta({ id: 'Survivor' });

export const StartedPayloadSchema = z.object({
  operation: z.uuid(),
  attempt: z.number().int(),
  host: z.string(),
  user: z.string(),
  version: z.string(),
});
export const StepStartedPayloadSchema = z.object({
  label: z.string(),
  interpreter: z.string(),
  pid: z.number().int().nullable(),
});
export const StepFinishedPayloadSchema = z.object({
  reason: StepReasonSchema,
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  detail: z.string(),
  survivors: z.array(SurvivorSchema),
});
export const OutcomeSchema = z.enum(OUTCOMES);
export const FinishedPayloadSchema = z.object({
  outcome: OutcomeSchema,
  reason: z.string(),
  survivors: z.array(SurvivorSchema),
});
/** Something that happened to the log itself: truncated, a gap, the agent restarted. Shown between the lines. */
export const MarkPayloadSchema = z.object({ mark: z.string(), detail: z.string() });

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The payload of every record that is not output. */
export function jsonPayload<Schema extends z.ZodType>(schema: Schema, value: z.input<Schema>): Uint8Array {
  return encoder.encode(JSON.stringify(schema.parse(value)));
}

/** Parses a JSON payload; throws when it is not what `schema` says. */
export function readPayload<Schema extends z.ZodType>(schema: Schema, record: JournalRecord): z.output<Schema> {
  return schema.parse(JSON.parse(decoder.decode(record.payload)));
}
