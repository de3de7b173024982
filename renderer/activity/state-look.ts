import {
  IconBan,
  IconCalendarTime,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClockPause,
  IconHandOff,
  IconHandStop,
  IconHourglassEmpty,
  IconLoader2,
  IconPlayerSkipForward,
  IconQuestionMark,
} from '@tabler/icons-react';
import type { FunctionComponent } from 'react';
import type { StepState } from '../../protocol/api/executions.ts';
import type { ExecutionState } from '../../protocol/execution-state.ts';

export type AnyState = ExecutionState | StepState;

export interface Look {
  readonly icon: FunctionComponent<{ size?: number | string; stroke?: number; 'aria-hidden'?: boolean }>;
  readonly word: string;
  /** CSS variable of the colour; each has enough contrast on the page in both themes. */
  readonly color: string;
  /** The icon turns: something goes on. */
  readonly turns?: true;
}

/** How each state of an execution or of a step is drawn. The shapes differ, so that colour is never the only sign. */
export const STATE_LOOK: Readonly<Record<AnyState, Look>> = {
  scheduled: { icon: IconCalendarTime, word: 'Scheduled', color: 'var(--outrunner-idle)' },
  queued: { icon: IconHourglassEmpty, word: 'Queued', color: 'var(--outrunner-idle)' },
  waiting: { icon: IconCircleDashed, word: 'Waiting', color: 'var(--outrunner-idle)' },
  running: { icon: IconLoader2, word: 'Running', color: 'var(--mantine-color-anchor)', turns: true },
  stopping: { icon: IconHandStop, word: 'Stopping', color: 'var(--outrunner-warn)' },
  succeeded: { icon: IconCircleCheck, word: 'Succeeded', color: 'var(--outrunner-good)' },
  failed: { icon: IconCircleX, word: 'Failed', color: 'var(--outrunner-bad)' },
  aborted: { icon: IconBan, word: 'Stopped', color: 'var(--outrunner-warn)' },
  timedout: { icon: IconClockPause, word: 'Timed out', color: 'var(--outrunner-bad)' },
  lost: { icon: IconQuestionMark, word: 'Lost', color: 'var(--outrunner-bad)' },
  skipped: { icon: IconPlayerSkipForward, word: 'Skipped', color: 'var(--outrunner-idle)' },
};

/** Processes outlived the stop: this is what matters, whatever the state is called. */
const COULD_NOT_STOP: Look = { icon: IconHandOff, word: 'Could not stop', color: 'var(--outrunner-bad)' };

/** How an execution is drawn: by its state, unless it could not be stopped. */
export function executionLook(state: AnyState, survivors: number): Look {
  return survivors > 0 ? COULD_NOT_STOP : STATE_LOOK[state];
}
