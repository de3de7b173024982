import { Badge, Tooltip } from '@mantine/core';
import { IconDoorExit } from '@tabler/icons-react';
import type { Runner } from '../../protocol/api/runners.ts';

interface Props {
  readonly runner: Runner;
  /** In a list the name needs the room; the words are in the tooltip and for screen readers. */
  readonly iconOnly?: boolean;
}

/** That an agent of the Runner takes no new work, since it is being stopped on its host or upgraded; nothing while all of them take some. */
export function StoppingBadge({ runner, iconOnly = false }: Props) {
  const leaving = runner.replicas.filter(({ connected, accepting }) => connected && !accepting);
  if (leaving.length === 0) return null;
  const hosts = leaving.map(({ hostname }) => hostname).join(', ');
  const words = `The agent on ${hosts} takes no new work: it is being stopped or upgraded, and ends when what runs there has ended.`;
  return (
    <Tooltip multiline maw={320} label={words}>
      {iconOnly ? (
        <span
          role="img"
          aria-label={words}
          style={{ display: 'inline-flex', flex: 'none', color: 'var(--outrunner-warn)' }}
        >
          <IconDoorExit size={15} aria-hidden />
        </span>
      ) : (
        <Badge
          variant="default"
          size="sm"
          leftSection={<IconDoorExit size={12} aria-hidden />}
          style={{ flex: 'none' }}
          aria-label={words}
          role="img"
        >
          being stopped
        </Badge>
      )}
    </Tooltip>
  );
}
