import { shortDuration } from '../output/short-duration.ts';
import { useNow } from '../ui/ticker.ts';
import { durationText } from '../ui/time-text.ts';

interface Props {
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** What stands there when it has not begun. */
  readonly none?: string;
}

/** How long something ran, or has been running by now, counting live. */
export function RunTime({ startedAt, endedAt, none = '–' }: Props) {
  if (startedAt === null) return none;
  if (endedAt === null) return <RunningTime since={Date.parse(startedAt)} />;
  return shortDuration(Date.parse(endedAt) - Date.parse(startedAt));
}

function RunningTime({ since }: { since: number }) {
  return durationText(useNow() - since);
}
