import classes from './load-bar.module.css';

interface Props {
  readonly running: number;
  readonly queued: number;
  readonly maximum: number;
}

/** How much of its capacity a Runner uses: the numbers, and a bar. */
export function LoadBar({ running, queued, maximum }: Props) {
  const share = maximum === 0 ? 0 : Math.min(100, (100 * running) / maximum);
  const words = `${running} of ${maximum} operations running${queued > 0 ? `, ${queued} queued` : ''}`;
  return (
    <span className={classes.load} title={words}>
      <span className={classes.track} aria-hidden>
        <span className={classes.fill} data-full={share >= 100 || undefined} style={{ width: `${share}%` }} />
      </span>
      <span className={classes.numbers}>
        {running}/{maximum}
      </span>
    </span>
  );
}
