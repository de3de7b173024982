import { Skeleton, Stack } from '@mantine/core';
import { IconLock } from '@tabler/icons-react';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asOutrunnerError } from '../api/coordinator-error.ts';
import { EmptyState } from './empty-state.tsx';
import { PageHeader } from './page-header.tsx';
import { ProblemAlert } from './problem-alert.tsx';

interface Props<Data> {
  readonly query: Pick<UseQueryResult<Data>, 'data' | 'error' | 'isPending' | 'refetch'>;
  readonly children: (data: Data) => ReactNode;
  /** Drawn while it loads; grey lines otherwise. */
  readonly skeleton?: ReactNode;
  readonly isEmpty?: (data: Data) => boolean;
  readonly empty?: ReactNode;
  /** Where this is the whole screen: what it is called until the data bring their own title. */
  readonly screen?: string;
}

/**
 * The four states of everything that is read: loading, empty, failed, not permitted; and the data. Data that are there
 * stay there when a later reading fails: the banner says that they are old.
 */
export function DataState<Data>({ query, children, skeleton, isEmpty, empty, screen }: Props<Data>) {
  const { data } = query;
  if (data === undefined) {
    return (
      <>
        {screen !== undefined && <PageHeader title={screen} />}
        <WithoutData query={query} skeleton={skeleton} />
      </>
    );
  }
  if (empty !== undefined && isEmpty?.(data)) return empty;
  return children(data);
}

function WithoutData({ query, skeleton }: Pick<Props<unknown>, 'query' | 'skeleton'>) {
  const { error, refetch } = query;
  if (error && asOutrunnerError(error).code === 'not-allowed') return <NoPermission />;
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  return <div aria-busy="true">{skeleton ?? <LinesSkeleton />}</div>;
}

/** Grey lines where a list will be. */
export function LinesSkeleton({ lines = 6 }: { lines?: number }) {
  return (
    <Stack gap="xs" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike and never move
        <Skeleton key={line} height={34} radius="sm" />
      ))}
    </Stack>
  );
}

/** What a screen shows to somebody who may not see it. */
export function NoPermission() {
  return (
    <EmptyState icon={<IconLock size={28} />} title="You may not see this" whole>
      Ask an administrator of this coordinator for the permission.
    </EmptyState>
  );
}
