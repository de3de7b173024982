import { Tooltip } from '@mantine/core';
import classes from './activity.module.css';
import { type AnyState, STATE_LOOK } from './state-look.ts';

interface Props {
  readonly state: AnyState;
  /** Why it is in this state, for the tooltip. */
  readonly reason?: string;
  /** Without the word: it is in the tooltip and for screen readers. */
  readonly iconOnly?: boolean;
  readonly size?: number;
}

/** The state of an execution or of a step: its icon and its word. The one way in which a state is drawn. */
export function StateMark({ state, reason = '', iconOnly = false, size = 17 }: Props) {
  const { icon: Icon, word, color, turns } = STATE_LOOK[state];
  const icon = (
    <span className={turns ? classes.turning : classes.stateIcon}>
      <Icon size={size} stroke={2} aria-hidden />
    </span>
  );
  const mark = iconOnly ? (
    <span className={classes.state} style={{ color }} role="img" aria-label={word} data-state={state}>
      {icon}
    </span>
  ) : (
    <span className={classes.state} style={{ color }} data-state={state}>
      {icon}
      {word}
    </span>
  );
  if (reason === '' && !iconOnly) return mark;
  return (
    <Tooltip label={reason === '' ? word : `${word}: ${reason}`} multiline maw={360}>
      {mark}
    </Tooltip>
  );
}
