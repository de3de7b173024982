import { memo, type ReactNode, useEffect, useRef } from 'react';
import classes from './data-table.module.css';
import type { DataColumn } from './data-table.tsx';

interface Props<Row> {
  readonly index: number;
  readonly row: Row;
  readonly columns: readonly DataColumn<Row>[];
  /** The one row that Tab reaches. */
  readonly tabbable: boolean;
  readonly flash: string | undefined;
  readonly onFocus: (index: number) => void;
}

function PlainRow<Row>({ index, row, columns, tabbable, flash, onFocus }: Props<Row>): ReactNode {
  const element = useRef<HTMLTableRowElement>(null);
  useFlash(element, flash);
  return (
    <tr
      ref={element}
      className={classes.row}
      data-index={index}
      aria-rowindex={index + 2}
      tabIndex={tabbable ? 0 : -1}
      onFocus={() => onFocus(index)}
    >
      {columns.map((column) => (
        <td key={column.id} data-align={column.align} data-sticky={column.sticky || undefined}>
          <div className={classes.cell}>{column.cell(row)}</div>
        </td>
      ))}
    </tr>
  );
}

/** Drawn again only when its own row, its columns or its place change. */
export const DataTableRow = memo(PlainRow) as typeof PlainRow;

/** Lets a row flash softly when `value` changes after it was first drawn. */
function useFlash(element: React.RefObject<HTMLElement | null>, value: string | undefined): void {
  const before = useRef(value);
  useEffect(() => {
    if (before.current === value) return;
    before.current = value;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    element.current?.animate([{ background: 'var(--outrunner-flash)' }, { background: 'transparent' }], {
      duration: 1200,
      easing: 'ease-out',
    });
  }, [element, value]);
}
