import classes from './share-bar.module.css';

interface Props {
  readonly part: number;
  readonly whole: number;
  /** Full is worth a warning. */
  readonly warnsWhenFull?: boolean;
}

/** A small bar for those who see it; the numbers stand beside it. */
export function ShareBar({ part, whole, warnsWhenFull = false }: Props) {
  const share = whole === 0 ? 0 : Math.min(100, (100 * part) / whole);
  return (
    <span className={classes.track} aria-hidden>
      <span
        className={classes.fill}
        data-full={(warnsWhenFull && share >= 100) || undefined}
        style={{ width: `${share}%` }}
      />
    </span>
  );
}
