import { createSortedRowModel, rowSortingFeature, tableFeatures, useTable } from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from 'react';
import classes from './data-table.module.css';
import { DataTableHead } from './data-table-head.tsx';
import { DataTableRow } from './data-table-row.tsx';
import { compareCells, orderKey, parseSort, sortText } from './table-order.ts';

/** One column. Its `id` is what stands in the `sort` of the URL. */
export interface DataColumn<Row> {
  readonly id: string;
  readonly header: string;
  /** CSS width; without it the column shares what is left. */
  readonly width?: string;
  /** What it is sorted by; null always stands last. A column without it cannot be sorted. */
  readonly value?: (row: Row) => string | number | null;
  readonly cell: (row: Row) => ReactNode;
  /** The heading is for screen readers alone (icons, actions). */
  readonly hiddenHeader?: boolean;
  readonly align?: 'left' | 'right';
  /** Stays in sight at the right when the table is scrolled sideways. */
  readonly sticky?: boolean;
}

interface Props<Row> {
  /** What is listed, for screen readers. */
  readonly label: string;
  readonly columns: readonly DataColumn<Row>[];
  readonly rows: readonly Row[];
  readonly rowId: (row: Row) => string;
  /** Which rows are shown. Applied after the order was made, so that typing in a search orders nothing. Keep it stable. */
  readonly show?: (row: Row) => boolean;
  /** `name` or `-name`. */
  readonly sort?: string;
  readonly onSort?: (sort: string) => void;
  /** Return on a row. */
  readonly onOpen?: (row: Row) => void;
  /** A row flashes when this changes. */
  readonly flashOn?: (row: Row) => string;
  /** Takes the height that is left on the screen; otherwise it grows up to a limit. */
  readonly fill?: boolean;
  /** Below this width it scrolls sideways. */
  readonly minWidth?: number;
}

export const ROW_HEIGHT = 40;
/** Heading and both borders. */
const HEAD_HEIGHT = 38;

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });

/**
 * A table that stays smooth with ten thousand rows: only the visible ones are in the document. Headings sort; in the body
 * the arrow keys, Home, End, Page Up and Page Down move, Return opens.
 */
export function DataTable<Row extends object>(props: Props<Row>) {
  const { label, columns, rows, rowId, show, sort, onSort, onOpen, flashOn, fill = false, minWidth = 0 } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const [active, setActive] = useState(0);

  const definitions = useMemo(
    () =>
      columns.map((column) => ({
        id: column.id,
        header: column.header,
        accessorFn: (row: Row) => orderKey(column.value?.(row)),
        enableSorting: column.value !== undefined,
        sortUndefined: 'last' as const,
        sortFn: compareCells,
      })),
    [columns],
  );
  // One array per order: a new one would make the table sort again with every frame of scrolling.
  const sorting = useMemo(() => parseSort(sort), [sort]);
  const table = useTable({
    features,
    data: rows as Row[],
    columns: definitions,
    getRowId: rowId,
    state: { sorting },
    enableSortingRemoval: false,
  });
  const all = table.getRowModel().rows;
  const sorted = useMemo(() => (show ? all.filter((row) => show(row.original)) : all), [all, show]);

  const virtualizer = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => sorted[index]?.id ?? index,
    overscan: 8,
    scrollPaddingStart: ROW_HEIGHT,
  });
  const items = virtualizer.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  const current = Math.min(active, sorted.length - 1);
  // The one row that Tab reaches must be in the document, wherever the list has been scrolled to.
  const reachable = items.some(({ index }) => index === current) ? current : (items[0]?.index ?? 0);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (!(event.target instanceof HTMLTableRowElement)) return;
    if (event.key === 'Enter') {
      const row = sorted[reachable];
      if (row) onOpen?.(row.original);
      return;
    }
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 2);
    const steps: Record<string, number> = {
      ArrowDown: reachable + 1,
      ArrowUp: reachable - 1,
      PageDown: reachable + page,
      PageUp: reachable - page,
      Home: 0,
      End: sorted.length - 1,
    };
    const wanted = steps[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(sorted.length - 1, wanted));
    setActive(next);
    virtualizer.scrollToIndex(next);
    // The row may have to be drawn first.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => body.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus()),
    );
  };

  return (
    <div
      ref={scroller}
      className={classes.scroller}
      data-fill={fill || undefined}
      // A list that fills the screen may shrink with it, but a few of its rows stay in sight.
      style={fill ? { minHeight: Math.min(sorted.length, 4) * ROW_HEIGHT + HEAD_HEIGHT } : undefined}
    >
      <table
        className={classes.table}
        style={{ minWidth }}
        aria-label={label}
        aria-rowcount={sorted.length + 1}
        data-rows={sorted.length}
      >
        <colgroup>
          {columns.map(({ id, width }) => (
            <col key={id} style={width === undefined ? undefined : { width }} />
          ))}
        </colgroup>
        <DataTableHead columns={columns} sort={sort} onSort={onSort && ((id, desc) => onSort(sortText(id, desc)))} />
        <tbody ref={body} onKeyDown={onKeyDown}>
          {above > 0 && <Spacer columns={columns.length} height={above} />}
          {items.map(({ index }) => {
            const row = sorted[index];
            if (row === undefined) return null;
            return (
              <DataTableRow
                key={row.id}
                index={index}
                row={row.original}
                columns={columns}
                tabbable={index === reachable}
                flash={flashOn?.(row.original)}
                onFocus={setActive}
              />
            );
          })}
          {below > 0 && <Spacer columns={columns.length} height={below} />}
        </tbody>
      </table>
    </div>
  );
}

/** Stands for the rows that are not drawn. */
function Spacer({ columns, height }: { columns: number; height: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row without tabindex cannot have the focus
    <tr aria-hidden="true">
      <td colSpan={columns} className={classes.spacer} style={{ height }} />
    </tr>
  );
}
