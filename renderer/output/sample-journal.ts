import {
  encodeRecord,
  FinishedPayloadSchema,
  type JournalRecord,
  jsonPayload,
  StepFinishedPayloadSchema,
  StepStartedPayloadSchema,
  type StreamName,
} from '../../protocol/journal.ts';

/** Writes journals for tests, as an agent would. */
export class SampleJournal {
  #number = 0;
  #parts: Uint8Array<ArrayBuffer>[] = [];

  /** `time`: milliseconds since the epoch of the first record; each further one is a millisecond later. */
  readonly time: number;

  constructor(time = 1_800_000_000_000) {
    this.time = time;
  }

  /** What was written since the last call. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    return bytes;
  }

  print(text: string, step = 0, stream: StreamName = 'stdout'): this {
    return this.#write('output', new TextEncoder().encode(text), step, stream);
  }

  stepStarted(step: number, label: string): this {
    const payload = jsonPayload(StepStartedPayloadSchema, { label, interpreter: 'sh', pid: 4711 });
    return this.#write('step-started', payload, step);
  }

  stepFinished(step: number, exitCode = 0): this {
    const reason = exitCode === 0 ? 'completed' : 'NonZeroResultCode';
    const ended = { reason, exitCode, signal: null, detail: '', survivors: [] } as const;
    return this.#write('step-finished', jsonPayload(StepFinishedPayloadSchema, { ...ended, survivors: [] }), step);
  }

  finished(outcome: 'succeeded' | 'failed' = 'succeeded'): this {
    return this.#write('finished', jsonPayload(FinishedPayloadSchema, { outcome, reason: '', survivors: [] }), 0xffff);
  }

  #write(kind: JournalRecord['kind'], payload: Uint8Array, step: number, stream: StreamName = 'none'): this {
    const number = this.#number++;
    this.#parts.push(encodeRecord({ kind, stream, step, node: 0, number, time: this.time + number, payload }));
    return this;
  }
}
