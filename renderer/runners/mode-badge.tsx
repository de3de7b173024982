import { Badge, Stack, Text, Tooltip } from '@mantine/core';
import { IconPlayerPause, IconPlugConnected, IconStackPop } from '@tabler/icons-react';
import type { Runner } from '../../protocol/api/runners.ts';
import { exactText } from '../ui/time-text.ts';

/** That a Runner takes no new work, and why; nothing while it is active. */
export function ModeBadge({ runner }: { runner: Runner }) {
  if (runner.mode === 'active') return null;
  const Icon = runner.mode === 'paused' ? IconPlayerPause : IconStackPop;
  return (
    <Tooltip
      multiline
      maw={320}
      label={
        <Stack gap={2}>
          <Text size="xs">{runner.modeReason}</Text>
          {runner.modeBy && <Text size="xs">By {runner.modeBy}</Text>}
          <Text size="xs">
            {runner.modeUntil ? `Until ${exactText(Date.parse(runner.modeUntil))}` : 'Until somebody resumes it'}
          </Text>
        </Stack>
      }
    >
      <Badge
        variant="default"
        size="sm"
        leftSection={<Icon size={12} aria-hidden />}
        style={{ flex: 'none' }}
        aria-label={`${runner.mode}: ${runner.modeReason ?? ''}`}
        role="img"
      >
        {runner.mode}
      </Badge>
    </Tooltip>
  );
}

/** That the connection of a replica has closed: no new work goes there, although the status has not followed yet. */
export function ReconnectingMark() {
  return (
    <Tooltip label="Reconnecting: its connection has closed. It gets no new work until it is back." multiline maw={280}>
      <span role="img" aria-label="Reconnecting" style={{ display: 'inline-flex', color: 'var(--outrunner-warn)' }}>
        <IconPlugConnected size={15} aria-hidden />
      </span>
    </Tooltip>
  );
}
