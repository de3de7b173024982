import classes from './tags.module.css';

interface Props {
  readonly tags: readonly string[];
  /** At most this many are drawn, in one line; the rest is counted and named on hover. */
  readonly limit?: number;
}

/** Tags, as they were typed. */
export function Tags({ tags, limit = Number.POSITIVE_INFINITY }: Props) {
  const shown = tags.length > limit ? tags.slice(0, Math.max(1, limit - 1)) : tags;
  const hidden = tags.slice(shown.length);
  return (
    <span className={classes.tags} data-one-line={Number.isFinite(limit) || undefined}>
      {shown.map((tag) => (
        <span key={tag} className={classes.tag}>
          {tag}
        </span>
      ))}
      {hidden.length > 0 && (
        <span className={classes.tag} title={hidden.join(', ')} role="img" aria-label={`and ${hidden.join(', ')}`}>
          +{hidden.length}
        </span>
      )}
    </span>
  );
}
