import { Readable } from 'node:stream';
import type { z } from 'zod';
import type { executionRoutes, OutputEntrySchema } from '../../protocol/api/executions.ts';
import {
  encodeRecord,
  JournalReader,
  type JournalRecord,
  recordLength,
  WHOLE_OPERATION,
} from '../../protocol/journal.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { StreamAnswer } from '../http/call.ts';
import type { Journals, ReadOptions } from '../journals/journals.ts';
import type { ExecutionRecord } from './execution-record.ts';

type OutputQuery = z.output<(typeof executionRoutes)['getOutput']['query']>;
type OutputEntry = z.input<typeof OutputEntrySchema>;

const CONTENT_TYPES = {
  ndjson: 'application/x-ndjson; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  journal: 'application/octet-stream',
} as const;

/**
 * The output of an execution from a byte offset of its journal, as a stream that is read from the file as fast as its
 * reader takes it. `mayGrow` tells whether more may come; following ends when it says no.
 * @throws OutrunnerError `range-not-satisfiable` or `invalid-input`, naming the field of the query.
 */
export async function readOutput(
  journals: Journals,
  record: ExecutionRecord,
  query: OutputQuery,
  mayGrow: () => boolean,
  stopping: AbortSignal,
): Promise<StreamAnswer> {
  const { from, limit, step, format } = query;
  if (step !== undefined && step >= record.steps.length) {
    throw new OutrunnerError('invalid-input', {
      fields: [{ path: 'query.step', message: `step is below ${record.steps.length}.` }],
    });
  }
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, stopping]);
  const headers: Record<string, string | number> = {
    'content-type': CONTENT_TYPES[format],
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  };
  let options: ReadOptions = { from, mayGrow, signal };
  if (query.follow === 'false') {
    const size = await journals.size(record.operation.id);
    const to = from > size ? size : await journals.boundary(record.operation.id, from, limit);
    headers['x-next-offset'] = to;
    options = { from, to, signal };
  }
  const chunks = await journals.read(record.operation.id, options);
  const shown = format === 'journal' && step === undefined ? chunks : formatted(chunks, query);
  const body = Readable.from(shown, { objectMode: false });
  body.once('close', () => gone.abort());
  return { headers, body };
}

type Format = (record: JournalRecord, next: number) => Uint8Array | null;

const FORMATS: Readonly<Record<OutputQuery['format'], () => Format>> = {
  ndjson: ndjsonFormat,
  text: () => textOf,
  journal: () => encodeRecord,
};

async function* formatted(chunks: AsyncIterable<Uint8Array>, query: OutputQuery): AsyncGenerator<Uint8Array> {
  const format = FORMATS[query.format]();
  let next = query.from;
  for await (const chunk of chunks) {
    const parts: Uint8Array[] = [];
    const reader = new JournalReader(next);
    for (const record of reader.push(chunk)) {
      next += recordLength(record.payload.length);
      if (query.step !== undefined && record.step !== query.step) continue;
      const bytes = format(record, next);
      if (bytes !== null) parts.push(bytes);
    }
    if (parts.length > 0) yield Buffer.concat(parts);
  }
}

function textOf(record: JournalRecord): Uint8Array | null {
  return record.kind === 'output' ? record.payload : null;
}

/** One line of JSON for each record. A character that is cut between two records of a stream is put together again. */
function ndjsonFormat(): Format {
  const decoders = new Map<string, TextDecoder>();
  const encoder = new TextEncoder();
  return (record, next) => {
    const entry: OutputEntry = {
      next,
      number: record.number,
      kind: record.kind,
      step: record.step === WHOLE_OPERATION ? null : record.step,
      stream: record.stream,
      time: timeOf(record.time),
    };
    if (record.kind === 'output') {
      const key = `${record.step} ${record.stream}`;
      const decoder = decoders.get(key) ?? new TextDecoder('utf-8', { ignoreBOM: true });
      decoders.set(key, decoder);
      entry.text = decoder.decode(record.payload, { stream: true });
    } else {
      entry.detail = detailOf(record);
    }
    return encoder.encode(`${JSON.stringify(entry)}\n`);
  };
}

function detailOf(record: JournalRecord): unknown {
  const text = new TextDecoder().decode(record.payload);
  try {
    return JSON.parse(text);
  } catch {
    // Shown as it is: what the agent wrote is the truth of the log.
    return { unreadable: text };
  }
}

/** A broken clock of an agent must not break the reading of its output. */
function timeOf(time: number): string {
  const known = Number.isFinite(time) && Math.abs(time) < 8.64e15 ? time : 0;
  return new Date(known).toISOString();
}
