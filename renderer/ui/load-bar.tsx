import classes from './load-bar.module.css';
import { ShareBar } from './share-bar.tsx';

interface Props {
  readonly running: number;
  readonly queued: number;
  readonly maximum: number;
}

/** How much of its capacity a Runner uses: the numbers, and a bar. */
export function LoadBar({ running, queued, maximum }: Props) {
  const words = `${running} of ${maximum} operations running${queued > 0 ? `, ${queued} queued` : ''}`;
  return (
    <span className={classes.load} title={words}>
      <ShareBar part={running} whole={maximum} warnsWhenFull />
      <span className={classes.numbers}>
        {running}/{maximum}
      </span>
    </span>
  );
}
