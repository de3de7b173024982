import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconHelpCircle,
  IconHourglassHigh,
} from '@tabler/icons-react';
import type { FunctionComponent } from 'react';
import type { RunnerStatus } from '../../protocol/status.ts';

interface Look {
  readonly icon: FunctionComponent<{ size?: number | string; stroke?: number; 'aria-hidden'?: boolean }>;
  /** CSS variable of the colour; each has enough contrast on the page in both themes. */
  readonly color: string;
  /** For sorting and for "the worst": higher is worse. */
  readonly rank: number;
}

/** How each status is drawn. The shapes differ, so that colour is never the only sign. */
export const STATUS_LOOK: Record<RunnerStatus, Look> = {
  Healthy: { icon: IconCircleCheck, color: 'var(--outrunner-good)', rank: 0 },
  New: { icon: IconCircleDashed, color: 'var(--outrunner-idle)', rank: 1 },
  Busy: { icon: IconHourglassHigh, color: 'var(--outrunner-warn)', rank: 2 },
  Unknown: { icon: IconHelpCircle, color: 'var(--outrunner-idle)', rank: 3 },
  Unhealthy: { icon: IconAlertTriangle, color: 'var(--outrunner-bad)', rank: 4 },
  Down: { icon: IconCircleX, color: 'var(--outrunner-bad)', rank: 5 },
};
