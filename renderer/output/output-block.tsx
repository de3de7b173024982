import { memo, type ReactNode, type Ref } from 'react';
import type { LineStore } from './line-store.ts';
import { lineText } from './line-text.ts';
import type { LineView } from './line-view.ts';
import classes from './output.module.css';
import { OutputRow } from './output-row.tsx';

/** Rows that are drawn, measured and moved together: a list of 50,000 blocks is fifty times lighter than one of a million rows. */
export const BLOCK_ROWS = 20;

interface Props {
  readonly store: LineStore;
  readonly view: LineView;
  readonly index: number;
  /** Rows from here … */
  readonly from: number;
  /** … to here, exclusive. */
  readonly to: number;
  /** Line of the first row: changes when lines are let go above. */
  readonly firstLine: number;
  /** Changes when a line of the block may have changed. */
  readonly revision: number;
  readonly top: number;
  readonly timestamps: boolean;
  readonly wanted: string;
  /** Number of the line that the search stands on, if it is in this block. */
  readonly current: number | null;
  readonly measure: Ref<HTMLDivElement> | undefined;
}

function PlainBlock({ store, view, index, from, to, top, timestamps, wanted, current, measure }: Props) {
  const rows: ReactNode[] = [];
  for (let row = from; row < Math.min(to, view.count); row++) {
    const line = view.line(row);
    rows.push(
      <OutputRow
        key={line}
        line={line}
        kind={store.kind(line)}
        text={lineText(store, line)}
        time={timestamps ? clockTime(store.time(line)) : null}
        wanted={wanted}
        current={current === line}
      />,
    );
  }
  return (
    <div ref={measure} data-index={index} className={classes.block} style={{ transform: `translateY(${top}px)` }}>
      {rows}
    </div>
  );
}

/** Drawn again only when its own lines, its place or the settings change. */
export const OutputBlock = memo(PlainBlock);

const time = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

function clockTime(at: number): string {
  return Number.isFinite(at) ? time.format(at) : '';
}
