import { Tooltip } from '@mantine/core';
import { IconCircleFilled, IconLoader, IconPlugConnectedX } from '@tabler/icons-react';
import { useConnection } from '../api/connection-store.ts';
import classes from './frame.module.css';

const LOOK = {
  connecting: { icon: IconLoader, word: 'Connecting', hint: 'The console is opening its connection.' },
  online: { icon: IconCircleFilled, word: 'Connected', hint: 'What you see is kept fresh by the coordinator.' },
  offline: { icon: IconPlugConnectedX, word: 'Offline', hint: 'The coordinator cannot be reached; reconnecting.' },
} as const;

/** Whether the coordinator is there, at a glance: shape, colour and word. */
export function ConnectionLight() {
  const { state } = useConnection();
  const { icon: Icon, word, hint } = LOOK[state];
  return (
    <Tooltip label={hint}>
      <span className={classes.light} data-state={state} role="status">
        <Icon size={state === 'online' ? 9 : 15} aria-hidden />
        {word}
      </span>
    </Tooltip>
  );
}
