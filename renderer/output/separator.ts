import { z } from 'zod';
import {
  FinishedPayloadSchema,
  type JournalRecord,
  MarkPayloadSchema,
  readPayload,
  StartedPayloadSchema,
  StepFinishedPayloadSchema,
  type StepReason,
  StepStartedPayloadSchema,
} from '../../protocol/journal.ts';
import type { LineKind } from './line-store.ts';
import { shortDuration } from './short-duration.ts';

/** What stands between the lines of the output: a kind, which gives icon and colour, and words that can be searched. */
export interface Separator {
  readonly kind: Exclude<LineKind, 'stdout' | 'stderr'>;
  readonly text: string;
}

const STEP_ENDED: Readonly<Record<StepReason, string>> = {
  completed: 'succeeded',
  NonZeroResultCode: 'failed',
  signalled: 'was ended by a signal',
  timeout: 'ran out of time',
  cancelled: 'was stopped',
  IOFailure: 'failed: its output could not be read',
  'interpreter-missing': 'failed: its interpreter is missing on the host',
  'agent-restarted': 'ended because the agent was restarted',
  'agent-stopped': 'was stopped because the agent was stopped',
  'output-limit': 'was stopped at its limit of output',
  skipped: 'was skipped',
};

/** How the end of a step is drawn; all others are failures. */
const STEP_KINDS: Partial<Record<StepReason, Separator['kind']>> = {
  completed: 'step-succeeded',
  skipped: 'step-skipped',
  cancelled: 'step-stopped',
};

/** Marks after which something was printed that is not here. */
const CUTS: ReadonlySet<string> = new Set(['output-limit', 'output-cut']);

type Outcome = z.infer<typeof FinishedPayloadSchema>['outcome'];

const OUTCOME_KINDS: Readonly<Record<Outcome, Separator['kind']>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  aborted: 'stopped',
  timedout: 'failed',
};

const OUTCOME: Readonly<Record<Outcome, string>> = {
  succeeded: 'Succeeded',
  failed: 'Failed',
  aborted: 'Stopped',
  timedout: 'Timed out',
};

/**
 * The separator for a record that is not output. A record whose payload is not what it should be is shown as such: the
 * rest of the output stays readable. `stepStarted`: when its step began, in milliseconds, if known.
 */
export function separatorOf(record: JournalRecord, stepStarted: number | null): Separator {
  try {
    return separatorFor(record, stepStarted);
  } catch (error) {
    if (!(error instanceof z.ZodError || error instanceof SyntaxError || error instanceof TypeError)) throw error;
    return { kind: 'mark', text: `Record ${record.number} (${record.kind}) cannot be read.` };
  }
}

function separatorFor(record: JournalRecord, stepStarted: number | null): Separator {
  const number = record.step + 1;
  switch (record.kind) {
    case 'started': {
      const { host, user, version } = readPayload(StartedPayloadSchema, record);
      return { kind: 'started', text: `Started on ${host} as ${user} (agent ${version})` };
    }
    case 'step-started': {
      const { label, interpreter } = readPayload(StepStartedPayloadSchema, record);
      const program = interpreter === '' ? '' : ` (${interpreter})`;
      return { kind: 'step-started', text: `Step ${number}: ${label}${program}` };
    }
    case 'step-finished': {
      const { reason, exitCode, signal, detail, survivors } = readPayload(StepFinishedPayloadSchema, record);
      const outlived = survivors.length > 0;
      const facts = [
        exitCode === null ? '' : `exit code ${exitCode}`,
        signal === null ? '' : `signal ${signal}`,
        stepStarted === null ? '' : shortDuration(record.time - stepStarted),
        // It says only what the exit code says already.
        reason === 'NonZeroResultCode' ? '' : detail,
      ].filter((fact) => fact !== '');
      const ended = outlived ? 'could not be stopped' : STEP_ENDED[reason];
      const text = [`Step ${number} ${ended}`, ...facts].join(' · ');
      return { kind: (outlived ? undefined : STEP_KINDS[reason]) ?? 'step-failed', text };
    }
    case 'finished': {
      const { outcome, reason, survivors } = readPayload(FinishedPayloadSchema, record);
      const names = survivors.map(({ pid, command }) => `${command} (process ${pid})`).join(', ');
      if (names !== '') {
        // "Stopped" would be wrong, and of the others the reason tells.
        const parts = ['Could not stop', reason, `still running: ${names}`];
        return { kind: 'failed', text: parts.filter(Boolean).join(' · ') };
      }
      return { kind: OUTCOME_KINDS[outcome], text: [OUTCOME[outcome], reason].filter(Boolean).join(' · ') };
    }
    case 'mark': {
      const { mark, detail } = readPayload(MarkPayloadSchema, record);
      const isCut = CUTS.has(mark);
      const text = detail === '' ? mark : detail;
      return isCut ? { kind: 'cut', text: `Output cut here · ${text}` } : { kind: 'mark', text };
    }
    default:
      return { kind: 'mark', text: `Record ${record.number} (${record.kind}) cannot be read.` };
  }
}
