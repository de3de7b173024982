import { UnstyledButton, VisuallyHidden } from '@mantine/core';
import { IconArrowDown, IconArrowsSort, IconArrowUp } from '@tabler/icons-react';
import classes from './data-table.module.css';
import type { DataColumn } from './data-table.tsx';
import { parseSort, type SortState } from './table-order.ts';

interface Props<Row> {
  readonly columns: readonly DataColumn<Row>[];
  readonly sort: string | undefined;
  readonly onSort: ((id: string, desc: boolean) => void) | undefined;
}

/** The headings: buttons where the column can be sorted. */
export function DataTableHead<Row>({ columns, sort, onSort }: Props<Row>) {
  const [sorted] = parseSort(sort);
  return (
    <thead className={classes.head}>
      <tr aria-rowindex={1}>
        {columns.map((column) => {
          const sortable = column.value !== undefined && onSort !== undefined;
          const now = sorted?.id === column.id ? sorted : undefined;
          const order = orderOf(now);
          return (
            <th key={column.id} scope="col" data-align={column.align} aria-sort={sortable ? order : undefined}>
              {column.hiddenHeader && !sortable && <VisuallyHidden>{column.header}</VisuallyHidden>}
              {!column.hiddenHeader && !sortable && column.header}
              {sortable && (
                <UnstyledButton
                  className={classes.sort}
                  onClick={() => onSort(column.id, now !== undefined && !now.desc)}
                  data-sorted={now !== undefined || undefined}
                >
                  {column.hiddenHeader ? (
                    <VisuallyHidden>{column.header}</VisuallyHidden>
                  ) : (
                    <span>{column.header}</span>
                  )}
                  <SortMark desc={now?.desc} />
                </UnstyledButton>
              )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

function orderOf(sorted: SortState | undefined): 'ascending' | 'descending' | 'none' {
  if (sorted === undefined) return 'none';
  return sorted.desc ? 'descending' : 'ascending';
}

function SortMark({ desc }: { desc: boolean | undefined }) {
  if (desc === undefined) return <IconArrowsSort size={13} className={classes.mark} aria-hidden />;
  const Arrow = desc ? IconArrowDown : IconArrowUp;
  return <Arrow size={13} aria-hidden />;
}
