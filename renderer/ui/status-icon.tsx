import type { RunnerStatus } from '../../protocol/status.ts';
import classes from './status-icon.module.css';
import { STATUS_LOOK } from './status-look.ts';

interface Props {
  readonly status: RunnerStatus;
  /** Why, for the tooltip. */
  readonly reason?: string;
  /** The word beside the icon; without it the word is in the tooltip and for screen readers. */
  readonly withWord?: boolean;
  readonly size?: number;
}

/** The status of a Runner: its icon and its word. */
export function StatusIcon({ status, reason, withWord = false, size = 18 }: Props) {
  const { icon: Icon, color } = STATUS_LOOK[status];
  const drawn = (
    <span className={classes.icon} style={{ color }}>
      <Icon size={size} stroke={2} aria-hidden />
    </span>
  );
  const label = reason ? `${status}: ${reason}` : status;
  if (withWord) {
    return (
      <span className={classes.withWord} data-status={status}>
        {drawn}
        <span style={{ color }}>{status}</span>
      </span>
    );
  }
  return (
    <span role="img" aria-label={status} title={label} className={classes.icon} data-status={status}>
      {drawn}
    </span>
  );
}
