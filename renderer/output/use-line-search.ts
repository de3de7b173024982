import { useEffect, useEffectEvent, useMemo, useRef, useState } from 'react';
import { type Clock, systemClock } from '../../protocol/clock.ts';
import { indexFrom, LineSearch } from './line-search.ts';
import type { LineView } from './line-view.ts';
import type { OutputSession } from './output-session.ts';

/** The page gets a turn after so much searching, in milliseconds. */
const SLICE_MS = 8;
const pageClock = systemClock();

export interface SearchState {
  readonly wanted: string;
  readonly count: number;
  /** Everything that is there was looked at. */
  readonly done: boolean;
  /** Number of the line that the search stands on, and its place among the matches, from 1; null before the first. */
  readonly current: { readonly line: number; readonly place: number } | null;
  /** Goes to the next match, or the one before; from the end it goes on at the start. */
  readonly go: (direction: 'next' | 'previous') => void;
}

/**
 * Searches the lines of a view in slices between renders, and goes on as lines come (`version`). `stale`: something else
 * was typed already, which `wanted` will follow.
 */
export function useLineSearch(
  session: OutputSession,
  view: LineView,
  version: number,
  wanted: string,
  stale: boolean,
  onGo: (line: number) => void,
  clock: Clock = pageClock,
): SearchState {
  const search = useMemo(
    () => (wanted === '' ? null : new LineSearch(session.store, view, wanted)),
    [session, view, wanted],
  );
  const [progress, setProgress] = useState({ of: search, count: 0, done: false });
  const [line, setLine] = useState<number | null>(null);
  // Return was pressed before anything was found: it counts as soon as something is.
  const wish = useRef<'next' | 'previous' | null>(null);

  const work = useEffectEvent((on: LineSearch, again: () => void) => {
    const end = clock.monotonic() + SLICE_MS;
    const done = on.advance(() => clock.monotonic() < end);
    setProgress((before) =>
      before.of === on && before.count === on.matches.length && before.done === done
        ? before
        : { of: on, count: on.matches.length, done },
    );
    if (!done) again();
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: version says that there are lines to look at
  useEffect(() => {
    if (search === null) return;
    let timer = clock.after(0, slice);
    function slice() {
      work(search as LineSearch, () => {
        timer = clock.after(0, slice);
      });
    }
    return () => timer.cancel();
  }, [search, version, clock]);

  const known = progress.of === search && search !== null ? progress : { count: 0, done: search === null };
  const place = search === null || line === null ? -1 : search.matches.indexOf(line);
  const go = (direction: 'next' | 'previous') => {
    const matches = search?.matches ?? [];
    wish.current = stale || matches.length === 0 ? direction : null;
    if (wish.current !== null) return;
    const at = line === null ? -1 : indexFrom(matches, line);
    const next = nextIndex(matches, at, line, direction);
    const found = matches[(next + matches.length) % matches.length] as number;
    setLine(found);
    onGo(found);
  };
  const grantWish = useEffectEvent(() => {
    if (wish.current !== null) go(wish.current);
  });
  useEffect(() => {
    if (stale) return;
    if (known.count > 0) grantWish();
    else if (known.done && search !== null) wish.current = null;
  }, [known.count, known.done, search, stale]);
  return {
    wanted,
    count: known.count,
    done: known.done,
    current: line === null || place === -1 ? null : { line, place: place + 1 },
    go,
  };
}

function nextIndex(
  matches: readonly number[],
  at: number,
  line: number | null,
  direction: 'next' | 'previous',
): number {
  if (line === null) return direction === 'next' ? 0 : matches.length - 1;
  if (direction === 'previous') return at - 1;
  return matches[at] === line ? at + 1 : at;
}
