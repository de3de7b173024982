import { Button, Group, Text } from '@mantine/core';

interface Props {
  readonly shown: number;
  readonly total: number;
  /** The query of its pages. */
  readonly query: {
    readonly hasNextPage: boolean;
    readonly isFetchingNextPage: boolean;
    fetchNextPage(): unknown;
  };
}

/** Under a list that is read page after page: how much of it is there, and the next page. */
export function ListFoot({ shown, total, query }: Props) {
  return (
    <Group justify="space-between" mt={6} mih={26}>
      <Text size="xs" c="dimmed" role="status">
        {shown.toLocaleString()} of {Math.max(total, shown).toLocaleString()}
      </Text>
      {query.hasNextPage && (
        <Button
          size="compact-sm"
          variant="default"
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </Group>
  );
}
