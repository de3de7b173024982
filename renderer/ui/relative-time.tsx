import classes from './relative-time.module.css';
import { useNow } from './ticker.ts';
import { exactText, relativeText } from './time-text.ts';

interface Props {
  /** ISO 8601; null shows `none`. */
  readonly at: string | null;
  /** What stands there when there is no time. */
  readonly none?: string;
}

/** A time as people say it ("12 s ago"), counting live; the exact time on hover. */
export function RelativeTime({ at, none = 'never' }: Props) {
  const now = useNow();
  if (at === null) return <span className={classes.none}>{none}</span>;
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={exactText(time)}>
      {relativeText(time, now)}
    </time>
  );
}
