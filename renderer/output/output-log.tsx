import { Button } from '@mantine/core';
import { IconArrowDown } from '@tabler/icons-react';
import { defaultRangeExtractor, type Range, useVirtualizer } from '@tanstack/react-virtual';
import { type Ref, type RefObject, useImperativeHandle, useLayoutEffect, useRef } from 'react';
import type { LineView } from './line-view.ts';
import classes from './output.module.css';
import { BLOCK_ROWS, OutputBlock } from './output-block.tsx';
import type { OutputSession } from './output-session.ts';

export const ROW_HEIGHT = 20;
/** Left of a match that was brought into sight, in pixels. */
const SIDE_ROOM = 120;

export interface OutputLogHandle {
  /** Brings a line into sight and stops following. */
  showLine(line: number): void;
}

interface Props {
  readonly session: OutputSession;
  /** Mount anew (a key) for another view and for another `wrap`: nothing that was measured holds then. */
  readonly view: LineView;
  readonly version: number;
  readonly label: string;
  readonly wrap: boolean;
  readonly timestamps: boolean;
  readonly wanted: string;
  /** The line that the search stands on. */
  readonly current: number | null;
  readonly following: boolean;
  readonly onFollowing: (following: boolean) => void;
  /** The line at the top, kept up to date, and where a new mount begins. */
  readonly place: RefObject<number>;
  readonly ref: Ref<OutputLogHandle>;
}

/** The lines in sight. It follows the end until the person scrolls up, and again when they are back at the end. */
export function OutputLog(props: Props) {
  const { session, view, version, label, wrap, timestamps, wanted, current, following, onFollowing, place, ref } =
    props;
  const { store } = session;
  const scroller = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  const count = view.count;
  const blocks = Math.ceil(count / BLOCK_ROWS);
  const rowsOf = (block: number) => Math.min(BLOCK_ROWS, count - block * BLOCK_ROWS);

  const virtualizer = useVirtualizer({
    count: blocks,
    getScrollElement: () => scroller.current,
    estimateSize: (block) => rowsOf(block) * ROW_HEIGHT,
    overscan: 1,
    initialOffset: () => view.row(place.current) * ROW_HEIGHT,
    // The end that is followed is drawn at once, not only after the browser has told that it scrolled there.
    rangeExtractor: following ? lastOfRange : defaultRangeExtractor,
  });
  // Without wrapping nothing is measured, and lines that join the last block change no number that the list looks at.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the number of lines is what the sizes depend on
  useLayoutEffect(() => {
    if (!wrap) virtualizer.measure();
  }, [count, wrap, virtualizer]);

  const size = virtualizer.getTotalSize();
  // biome-ignore lint/correctness/useExhaustiveDependencies: both can move the end
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || !following) return;
    element.scrollTop = element.scrollHeight;
    // Known before the browser tells of it: else a person who scrolls up at this very moment seems to come from the top.
    lastTop.current = element.scrollTop;
  }, [version, size, following]);
  useKeepPlace(scroller, view, version, following || wrap);

  // A line that was asked for may have to be drawn first: it is brought into sight with the render that has it.
  const sought = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (sought.current === null) return;
    const row = scroller.current?.querySelector(`[data-line="${sought.current}"]`);
    if (!row) return;
    bringIntoSight(scroller.current as HTMLElement, row, row.querySelector('mark') ?? row);
    sought.current = null;
  });
  useImperativeHandle(
    ref,
    () => ({
      showLine(line) {
        onFollowing(false);
        sought.current = line;
        const row = view.row(line);
        const block = virtualizer.measurementsCache[Math.floor(row / BLOCK_ROWS)];
        const element = scroller.current;
        if (block === undefined || element === null) return;
        element.scrollTop = block.start + (row % BLOCK_ROWS) * ROW_HEIGHT - element.clientHeight / 2;
      },
    }),
    [virtualizer, view, onFollowing],
  );

  const onScroll = () => {
    const element = scroller.current;
    if (element === null) return;
    const { scrollTop, scrollHeight, clientHeight } = element;
    const atEnd = scrollHeight - scrollTop - clientHeight < ROW_HEIGHT * 1.5;
    if (atEnd !== following && (atEnd || scrollTop < lastTop.current)) onFollowing(atEnd);
    lastTop.current = scrollTop;
    const block = virtualizer.getVirtualItemForOffset(scrollTop);
    if (block !== undefined) {
      const row = block.index * BLOCK_ROWS + Math.floor((scrollTop - block.start) / ROW_HEIGHT);
      place.current = view.line(Math.min(row, Math.max(0, count - 1)));
    }
  };

  const currentRow = current === null ? -1 : view.row(current);
  return (
    <div className={classes.frame}>
      <div
        ref={scroller}
        className={wrap ? `${classes.log} ${classes.wrap}` : classes.log}
        role="log"
        aria-live="off"
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, which must work from the keyboard
        tabIndex={0}
        onScroll={onScroll}
      >
        <div className={classes.sizer} style={{ height: size }}>
          {virtualizer.getVirtualItems().map(({ index, start }) => {
            const from = index * BLOCK_ROWS;
            const to = from + rowsOf(index);
            if (to <= from) return null;
            const open = store.anyOpen(view.line(from), view.line(to - 1) + 1);
            return (
              <OutputBlock
                key={index}
                index={index}
                store={store}
                view={view}
                from={from}
                to={to}
                firstLine={view.line(from)}
                revision={open ? version : 0}
                top={start}
                timestamps={timestamps}
                wanted={wanted}
                current={currentRow >= from && currentRow < to ? current : null}
                measure={wrap ? virtualizer.measureElement : undefined}
              />
            );
          })}
        </div>
      </div>
      {!following && size > (virtualizer.scrollRect?.height ?? 0) && (
        <Button
          className={classes.jump}
          size="compact-sm"
          leftSection={<IconArrowDown size={14} aria-hidden />}
          onClick={() => onFollowing(true)}
        >
          Jump to end
        </Button>
      )}
    </div>
  );
}

/**
 * Scrolls so that `row` is in the middle and `part` of it is in sight. Not `scrollIntoView`: Chromium stops that at
 * 2^24 pixels, which is line 838,860.
 */
function bringIntoSight(scroller: HTMLElement, row: Element, part: Element): void {
  const frame = scroller.getBoundingClientRect();
  const { top, height } = row.getBoundingClientRect();
  scroller.scrollTop += top - frame.top - (frame.height - height) / 2;
  const { left, right } = part.getBoundingClientRect();
  const hidden = left < frame.left || right > frame.left + scroller.clientWidth;
  if (hidden) scroller.scrollLeft += left - frame.left - SIDE_ROOM;
}

/** As many blocks as are in sight, but the last ones. */
function lastOfRange(range: Range): number[] {
  const visible = Math.max(2, range.endIndex - range.startIndex + 1) + range.overscan;
  const from = Math.max(0, range.count - visible);
  return Array.from({ length: range.count - from }, (_, index) => from + index);
}

/** Keeps the lines in sight where they are when the oldest lines are let go above them. */
function useKeepPlace(scroller: RefObject<HTMLElement | null>, view: LineView, version: number, off: boolean) {
  const gone = useRef(view.gone);
  // biome-ignore lint/correctness/useExhaustiveDependencies: version says that lines may have gone
  useLayoutEffect(() => {
    const rows = view.gone - gone.current;
    gone.current = view.gone;
    if (!off && rows > 0 && scroller.current !== null) scroller.current.scrollTop -= rows * ROW_HEIGHT;
  }, [version, view, off, scroller]);
}
