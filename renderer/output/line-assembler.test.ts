import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeRecord,
  FinishedPayloadSchema,
  JournalReader,
  type JournalRecord,
  jsonPayload,
  MarkPayloadSchema,
  StepFinishedPayloadSchema,
  StepStartedPayloadSchema,
  type StreamName,
} from '../../protocol/journal.ts';
import { LineAssembler } from './line-assembler.ts';
import { LineStore } from './line-store.ts';
import { lineText } from './line-text.ts';
import { MAX_LINE_BYTES } from './open-text.ts';

const encoder = new TextEncoder();
let number = 0;
function output(payload: Uint8Array | string, stream: StreamName = 'stdout', step = 0): JournalRecord {
  const bytes = typeof payload === 'string' ? encoder.encode(payload) : payload;
  return { kind: 'output', stream, step, node: 0, number: number++, time: 1000, payload: bytes };
}
function linesOf(records: readonly JournalRecord[]): string[] {
  const store = new LineStore();
  const assembler = new LineAssembler(store);
  for (const record of records) assembler.push(record);
  return allLines(store);
}
function allLines(store: LineStore): string[] {
  const lines: string[] = [];
  for (let line = store.first; line < store.end; line++) lines.push(lineText(store, line));
  return lines;
}
/** Cuts bytes at the given places. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => (bytes.length === 0 ? 0 : cut % bytes.length)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

/** Bytes that are rich in what makes lines hard: ends of line, carriage returns, escapes, cut characters. */
const anyBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc
        .constantFrom('\n', '\r', '\r\n', '\u001b[31m', '\u001b[0m', 'é', '漢', '🦊', 'word ')
        .map((text) => encoder.encode(text)),
    ),
    { maxLength: 40 },
  )
  .map((parts) => {
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  });

describe('lines of a journal', () => {
  test('lines end at line feeds, with or without a carriage return, and an unfinished one is shown', () => {
    expect(linesOf([output('one\ntwo\r\n\nfour')])).toEqual(['one', 'two', '', 'four']);
  });

  test('a line that was cut anywhere, also inside a character, is put together again', () => {
    const [a, b] = cutAt(encoder.encode('naïve 🦊\n'), [8]) as [Uint8Array, Uint8Array];
    expect(linesOf([output(a), output(b)])).toEqual(['naïve 🦊']);
  });

  test('an unfinished character at the end of an unfinished line is held back', () => {
    expect(linesOf([output(encoder.encode('a🦊').subarray(0, 3))])).toEqual(['a']);
  });

  test('stdout and stderr, and steps, do not mix their lines', () => {
    const records = [output('out '), output('err\n', 'stderr'), output('other\n', 'stdout', 1), output('put\n')];
    expect(linesOf(records)).toEqual(['out put', 'err', 'other']);
  });

  test('of a progress line the last state stays', () => {
    expect(linesOf([output('10%\r20%\r'), output('30%'), output('\r100%\n')])).toEqual(['100%']);
    expect(linesOf([output('done\r')])).toEqual(['done']);
  });

  test('a colour goes on in the next line, as in a terminal, and through a progress line', () => {
    const red = '\u001b[31m';
    expect(linesOf([output(`${red}a\nb\u001b[0m\nc\n`)])).toEqual([`${red}a`, `${red}b\u001b[0m`, 'c']);
    expect(linesOf([output(`${red}10%\r20%\n`)])).toEqual([`${red}20%`]);
  });

  test('a line longer than a row is shown as several, none of its characters lost', () => {
    const long = '漢'.repeat(MAX_LINE_BYTES);
    const lines = linesOf([output(`${long}\nnext\n`)]);
    expect(lines.pop()).toBe('next');
    expect(lines.join('')).toBe(long);
    expect(lines.every((line) => encoder.encode(line).length <= MAX_LINE_BYTES)).toBe(true);
  });

  test('invalid bytes are replaced, as a stream decoder does it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 255 }).filter((byte) => byte !== 13 && byte !== 27)), (bytes) => {
        const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from([...bytes, 10]));
        expect(linesOf([output(Uint8Array.from([...bytes, 10]))])).toEqual(whole.split('\n').slice(0, -1));
      }),
    );
  });

  test('any way of cutting any bytes into records gives the same lines', () => {
    fc.assert(
      fc.property(anyBytes, fc.array(fc.nat({ max: 2000 }), { maxLength: 12 }), (bytes, cuts) => {
        expect(linesOf(cutAt(bytes, cuts).map((part) => output(part)))).toEqual(linesOf([output(bytes)]));
      }),
      { numRuns: 600 },
    );
  });

  test('also for lines beyond the limit of a row', () => {
    const piece = fc.constantFrom('x'.repeat(5000), '漢'.repeat(3000), '\u001b[32m', '\r', '\n', '🦊'.repeat(4097));
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }),
        fc.array(fc.nat({ max: 80_000 }), { maxLength: 6 }),
        (parts, cuts) => {
          const bytes = encoder.encode(parts.join(''));
          expect(linesOf(cutAt(bytes, cuts).map((part) => output(part)))).toEqual(linesOf([output(bytes)]));
        },
      ),
      { numRuns: 150 },
    );
  });

  test('any way of cutting the journal itself gives the same lines', () => {
    const record = fc.record({
      payload: anyBytes,
      stream: fc.constantFrom<StreamName>('stdout', 'stderr'),
      step: fc.integer({ min: 0, max: 2 }),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), fc.array(fc.nat({ max: 5000 })), (records, cuts) => {
        const made = records.map((one, index) => ({ ...output(one.payload, one.stream, one.step), number: index }));
        const parts = made.map(encodeRecord);
        const journal = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
        let at = 0;
        for (const part of parts) {
          journal.set(part, at);
          at += part.length;
        }
        const reader = new JournalReader();
        const read = cutAt(journal, cuts).flatMap((part) => reader.push(part));
        expect(linesOf(read)).toEqual(linesOf(made));
      }),
      { numRuns: 200 },
    );
  });
});

describe('separators', () => {
  const json = (kind: JournalRecord['kind'], step: number, time: number, payload: Uint8Array): JournalRecord => ({
    kind,
    stream: 'none',
    step,
    node: 0,
    number: number++,
    time,
    payload,
  });

  test('steps say their label, how they ended and how long they took; the unfinished line comes before', () => {
    const store = new LineStore();
    const assembler = new LineAssembler(store);
    assembler.push(
      json(
        'step-started',
        0,
        1000,
        jsonPayload(StepStartedPayloadSchema, { label: 'Look', interpreter: 'sh', pid: 7 }),
      ),
    );
    assembler.push(output('no end of line'));
    assembler.push(
      json(
        'step-finished',
        0,
        3100,
        jsonPayload(StepFinishedPayloadSchema, {
          reason: 'NonZeroResultCode',
          exitCode: 3,
          signal: null,
          detail: '',
          survivors: [],
        }),
      ),
    );
    expect(allLines(store)).toEqual(['Step 1: Look (sh)', 'no end of line', 'Step 1 failed · exit code 3 · 2.1 s']);
    expect(store.kind(0)).toBe('step-started');
    expect(store.kind(2)).toBe('step-failed');
    expect(assembler.finished).toBe(false);
  });

  test('the end names what outlived the stop', () => {
    const store = new LineStore();
    const assembler = new LineAssembler(store);
    const payload = {
      outcome: 'aborted',
      reason: 'Stopped by ann',
      survivors: [{ pid: 7, command: 'sleep' }],
    } as const;
    assembler.push(
      json(
        'finished',
        0xffff,
        1,
        jsonPayload(FinishedPayloadSchema, { ...payload, survivors: [...payload.survivors] }),
      ),
    );
    expect(allLines(store)).toEqual(['Could not stop · Stopped by ann · still running: sleep (process 7)']);
    // Drawn as a failure: what was stopped looks otherwise.
    expect(store.kind(0)).toBe('failed');
    expect(assembler.finished).toBe(true);
  });

  test('a step that could not be stopped is told apart from one that was', () => {
    const store = new LineStore();
    const ended = { reason: 'cancelled', exitCode: null, signal: 'SIGKILL', detail: 'It was cancelled.' } as const;
    const push = (survivors: { pid: number; command: string }[]) =>
      new LineAssembler(store).push(
        json('step-finished', 0, 1, jsonPayload(StepFinishedPayloadSchema, { ...ended, survivors })),
      );
    push([]);
    push([{ pid: 7, command: 'sleep' }]);
    expect(allLines(store)).toEqual([
      'Step 1 was stopped · signal SIGKILL · It was cancelled.',
      'Step 1 could not be stopped · signal SIGKILL · It was cancelled.',
    ]);
    expect([store.kind(0), store.kind(1)]).toEqual(['step-stopped', 'step-failed']);
  });

  test('where output is missing is told apart from other remarks', () => {
    const store = new LineStore();
    const assembler = new LineAssembler(store);
    const mark = (name: string, detail: string) =>
      assembler.push(json('mark', 0, 0, jsonPayload(MarkPayloadSchema, { mark: name, detail })));
    mark('output-limit', 'It printed more than its limit of 5 lines: the steps go on.');
    mark('output-cut', 'A process in the background kept the output open.');
    mark('gap', 'The agent was restarted.');
    expect(allLines(store)).toEqual([
      'Output cut here · It printed more than its limit of 5 lines: the steps go on.',
      'Output cut here · A process in the background kept the output open.',
      'The agent was restarted.',
    ]);
    expect([0, 1, 2].map((line) => store.kind(line))).toEqual(['cut', 'cut', 'mark']);
  });

  test('a record that cannot be read is said so, and the rest goes on', () => {
    expect(linesOf([json('step-started', 0, 0, encoder.encode('{"nonsense')), output('go on\n')])).toEqual([
      expect.stringMatching(/^Record \d+ \(step-started\) cannot be read\.$/),
      'go on',
    ]);
  });
});
