import { IconPlugConnectedX } from '@tabler/icons-react';
import { useConnection } from '../api/connection-store.ts';
import { useNow } from '../ui/ticker.ts';
import { durationText } from '../ui/time-text.ts';
import classes from './frame.module.css';

/** Across the top while the coordinator is out of reach: what is shown is old, and how old. */
export function OfflineBanner() {
  const { state, lastHeard } = useConnection();
  if (state !== 'offline') return null;
  return (
    <div className={classes.banner}>
      <IconPlugConnectedX size={16} aria-hidden />
      <span>
        {/* Said aloud once; the age beside it changes every second. */}
        <span role="alert">The coordinator cannot be reached.</span> <Age since={lastHeard} /> The console reconnects by
        itself; until then nothing can be changed.
      </span>
    </div>
  );
}

function Age({ since }: { since: number | null }) {
  const now = useNow();
  if (since === null) return null;
  return <>What you see is {durationText(now - since)} old.</>;
}
