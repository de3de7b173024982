import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useMemo } from 'react';
import type { ExecutionSummary } from '../../protocol/api/executions.ts';
import { type ExecutionFilter, executionQueries } from '../api/execution-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { type DataColumn, DataTable } from '../ui/data-table.tsx';
import { ListFoot } from '../ui/list-foot.tsx';
import { executionColumns } from './execution-columns.tsx';

interface Props {
  readonly filter: ExecutionFilter;
  readonly label: string;
  readonly empty: ReactNode;
  readonly columns?: readonly DataColumn<ExecutionSummary>[];
  /** Takes the height that is left on the screen. */
  readonly fill?: boolean;
  readonly minWidth?: number;
}

/** Executions, newest first, live, page after page. */
export function ExecutionList({ filter, label, empty, columns = executionColumns, fill, minWidth = 720 }: Props) {
  const navigate = useNavigate();
  const query = useInfiniteQuery(executionQueries.list(filter));
  const rows = useMemo(() => query.data?.pages.flatMap(({ items }) => items) ?? [], [query.data]);
  const total = query.data?.pages.at(-1)?.total ?? 0;
  return (
    <DataState query={{ ...query, data: query.data }} isEmpty={() => rows.length === 0} empty={empty}>
      {() => (
        <>
          <DataTable
            label={label}
            columns={columns}
            rows={rows}
            rowId={({ id }) => id}
            flashOn={({ state }) => state}
            onOpen={({ id }) => void navigate({ to: '/executions/$id', params: { id } })}
            fill={fill}
            minWidth={minWidth}
          />
          <ListFoot shown={rows.length} total={total} query={query} />
        </>
      )}
    </DataState>
  );
}
