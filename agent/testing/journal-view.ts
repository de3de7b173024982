import {
  FinishedPayloadSchema,
  type JournalRecord,
  readPayload,
  StepFinishedPayloadSchema,
  StepStartedPayloadSchema,
} from '../../protocol/journal.ts';

/** The end of an operation, as its journal says it. */
export function outcomeOf(records: readonly JournalRecord[]) {
  const last = records.at(-1);
  if (last?.kind !== 'finished') throw new Error('The journal has no end.');
  return readPayload(FinishedPayloadSchema, last);
}

/** The ends of all steps, in order. */
export function stepEnds(records: readonly JournalRecord[]) {
  return records
    .filter(({ kind }) => kind === 'step-finished')
    .map((r) => ({ step: r.step, ...readPayload(StepFinishedPayloadSchema, r) }));
}

/** The beginnings of all steps that were started. */
export function stepStarts(records: readonly JournalRecord[]) {
  return records.filter(({ kind }) => kind === 'step-started').map((r) => readPayload(StepStartedPayloadSchema, r));
}
