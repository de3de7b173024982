import { Group, Progress, Text, Tooltip } from '@mantine/core';

interface Props {
  readonly running: number;
  readonly queued: number;
  readonly maximum: number;
}

/** How much of its capacity a Runner uses: the numbers, and a bar. */
export function LoadBar({ running, queued, maximum }: Props) {
  const share = maximum === 0 ? 0 : Math.min(100, (100 * running) / maximum);
  const words = `${running} of ${maximum} operations running${queued > 0 ? `, ${queued} queued` : ''}`;
  return (
    <Tooltip label={words}>
      <Group gap={6} wrap="nowrap">
        <Progress value={share} color={share >= 100 ? 'orange' : undefined} size="sm" w={48} aria-label={words} />
        <Text span size="xs" ff="monospace">
          {running}/{maximum}
        </Text>
      </Group>
    </Tooltip>
  );
}
