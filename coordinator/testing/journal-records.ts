import {
  encodeRecord,
  FinishedPayloadSchema,
  type JournalRecord,
  jsonPayload,
  StartedPayloadSchema,
  StepFinishedPayloadSchema,
  type StepReason,
  StepStartedPayloadSchema,
  WHOLE_OPERATION,
} from '../../protocol/journal.ts';
import type { Operation } from '../../protocol/operation.ts';

/** Writes the journal of one operation as an agent would, record by record. */
export class JournalWriter {
  readonly #operation: Pick<Operation, 'operation' | 'attempt'>;
  readonly #now: () => number;
  next = 0;

  constructor(operation: Pick<Operation, 'operation' | 'attempt'>, now: () => number) {
    this.#operation = operation;
    this.#now = now;
  }

  started(): JournalRecord {
    const { operation, attempt } = this.#operation;
    return this.#record(
      'started',
      WHOLE_OPERATION,
      jsonPayload(StartedPayloadSchema, { operation, attempt, host: 'simulated', user: 'nobody', version: '0.1.0' }),
    );
  }

  stepStarted(step: number): JournalRecord {
    const payload = { label: `step ${step}`, interpreter: 'sh', pid: 100 + step };
    return this.#record('step-started', step, jsonPayload(StepStartedPayloadSchema, payload));
  }

  output(step: number, text: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout'): JournalRecord {
    const payload = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    return { ...this.#record('output', step, payload), stream };
  }

  stepFinished(step: number, exitCode: number | null = 0, reason?: StepReason): JournalRecord {
    const why = reason ?? (exitCode === 0 ? 'completed' : 'NonZeroResultCode');
    const payload = { reason: why, exitCode, signal: null, detail: '', survivors: [] };
    return this.#record('step-finished', step, jsonPayload(StepFinishedPayloadSchema, payload));
  }

  finished(
    outcome: 'succeeded' | 'failed' | 'aborted' | 'timedout' = 'succeeded',
    survivors: { pid: number; command: string }[] = [],
  ): JournalRecord {
    const payload = jsonPayload(FinishedPayloadSchema, { outcome, reason: '', survivors });
    return this.#record('finished', WHOLE_OPERATION, payload);
  }

  /** One step that prints `text`, from the first record to the last. */
  whole(text = 'hello\n', exitCode = 0): JournalRecord[] {
    return [
      this.started(),
      this.stepStarted(0),
      this.output(0, text),
      this.stepFinished(0, exitCode),
      this.finished(exitCode === 0 ? 'succeeded' : 'failed'),
    ];
  }

  #record(kind: JournalRecord['kind'], step: number, payload: Uint8Array): JournalRecord {
    return { kind, stream: 'none', step, node: 0, number: this.next++, time: this.#now(), payload };
  }
}

/** The bytes of a journal or frame with these records. */
export function bytesOf(records: readonly JournalRecord[]): Buffer {
  return Buffer.concat(records.map(encodeRecord));
}
