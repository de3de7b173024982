import { Group, Text, Tooltip } from '@mantine/core';
import {
  IconCalendarClock,
  IconCircleCheck,
  IconCircleMinus,
  IconCircleX,
  IconClockX,
  IconHourglassEmpty,
  IconLoader2,
  IconPlayerStop,
  IconPlugConnectedX,
} from '@tabler/icons-react';
import type { ExecutionState } from '../../protocol/execution-state.ts';
import classes from './status-icon.module.css';

const LOOK = {
  scheduled: { icon: IconCalendarClock, word: 'Scheduled', color: 'var(--outrunner-idle)' },
  queued: { icon: IconHourglassEmpty, word: 'Queued', color: 'var(--outrunner-idle)' },
  running: { icon: IconLoader2, word: 'Running', color: 'var(--mantine-color-anchor)' },
  stopping: { icon: IconPlayerStop, word: 'Stopping', color: 'var(--outrunner-warn)' },
  succeeded: { icon: IconCircleCheck, word: 'Succeeded', color: 'var(--outrunner-good)' },
  failed: { icon: IconCircleX, word: 'Failed', color: 'var(--outrunner-bad)' },
  aborted: { icon: IconCircleMinus, word: 'Aborted', color: 'var(--outrunner-warn)' },
  timedout: { icon: IconClockX, word: 'Timed out', color: 'var(--outrunner-bad)' },
  lost: { icon: IconPlugConnectedX, word: 'Lost', color: 'var(--outrunner-bad)' },
} as const satisfies Record<ExecutionState, unknown>;

interface Props {
  readonly state: ExecutionState;
  readonly withWord?: boolean;
  readonly size?: number;
}

/** The state of an execution: its icon and its word; the shapes differ, so that colour is never the only sign. */
export function ExecutionStateIcon({ state, withWord = false, size = 18 }: Props) {
  const { icon: Icon, word, color } = LOOK[state];
  const icon = (
    <span className={classes.icon} style={{ color }} data-spinning={state === 'running' || undefined}>
      <Icon size={size} aria-hidden />
    </span>
  );
  if (withWord) {
    return (
      <Group gap={6} wrap="nowrap" component="span" display="inline-flex">
        {icon}
        <Text span inherit fw={600} c={color}>
          {word}
        </Text>
      </Group>
    );
  }
  return (
    <Tooltip label={word}>
      <span role="img" aria-label={word} className={classes.icon}>
        {icon}
      </span>
    </Tooltip>
  );
}
