import { Tooltip } from '@mantine/core';
import classes from './activity.module.css';
import { type AnyState, executionLook, STATE_LOOK } from './state-look.ts';

interface Props {
  readonly state: AnyState;
  /** Why it is in this state, for the tooltip. */
  readonly reason?: string;
  /** How many processes outlived the stop; above 0 it is told apart from what was stopped. */
  readonly survivors?: number | undefined;
  /** Without the word: it is in the tooltip and for screen readers. */
  readonly iconOnly?: boolean;
  readonly size?: number;
}

/** The state of an execution or of a step: its icon and its word. The one way in which a state is drawn. */
export function StateMark({ state, reason = '', survivors = 0, iconOnly = false, size = 17 }: Props) {
  const { icon: Icon, word, color, turns } = executionLook(state, survivors);
  // What it ended as is still worth knowing.
  const said = survivors > 0 ? `${word} (${STATE_LOOK[state].word.toLowerCase()})` : word;
  const icon = (
    <span className={turns ? classes.turning : classes.stateIcon}>
      <Icon size={size} stroke={2} aria-hidden />
    </span>
  );
  const mark = iconOnly ? (
    <span
      className={classes.state}
      style={{ color }}
      role="img"
      aria-label={word}
      data-state={state}
      data-survivors={survivors || undefined}
    >
      {icon}
    </span>
  ) : (
    <span className={classes.state} style={{ color }} data-state={state} data-survivors={survivors || undefined}>
      {icon}
      {word}
    </span>
  );
  if (reason === '' && !iconOnly) return mark;
  return (
    <Tooltip label={reason === '' ? said : `${said}: ${reason}`} multiline maw={360}>
      {mark}
    </Tooltip>
  );
}
