import { Badge, Group, Tooltip } from '@mantine/core';

interface Props {
  readonly tags: readonly string[];
  /** At most this many are drawn; the rest is counted and in a tooltip. */
  readonly limit?: number;
}

/** Tags in one line. */
export function Tags({ tags, limit = Number.POSITIVE_INFINITY }: Props) {
  const shown = tags.length > limit ? tags.slice(0, Math.max(1, limit - 1)) : tags;
  const hidden = tags.slice(shown.length);
  return (
    <Group gap={4} wrap={Number.isFinite(limit) ? 'nowrap' : 'wrap'} component="span" display="inline-flex">
      {shown.map((tag) => (
        <Badge key={tag} variant="default" size="sm" radius="sm" tt="none" fw={500}>
          {tag}
        </Badge>
      ))}
      {hidden.length > 0 && (
        <Tooltip label={hidden.join(', ')} multiline maw={320}>
          <Badge variant="default" size="sm" radius="sm" tt="none" fw={500} aria-label={`and ${hidden.join(', ')}`}>
            +{hidden.length}
          </Badge>
        </Tooltip>
      )}
    </Group>
  );
}
