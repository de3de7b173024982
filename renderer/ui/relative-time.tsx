import { Text, Tooltip } from '@mantine/core';
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
  if (at === null) {
    return (
      <Text span inherit c="dimmed">
        {none}
      </Text>
    );
  }
  const time = Date.parse(at);
  return (
    <Tooltip label={exactText(time)}>
      <time dateTime={at}>{relativeText(time, now)}</time>
    </Tooltip>
  );
}
