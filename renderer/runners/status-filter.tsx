import { Group, UnstyledButton } from '@mantine/core';
import type { Runner } from '../../protocol/api/runners.ts';
import { type RunnerStatus, RunnerStatusSchema } from '../../protocol/status.ts';
import { StatusIcon } from '../ui/status-icon.tsx';
import classes from './status-filter.module.css';

interface Props {
  readonly runners: readonly Runner[];
  readonly value: RunnerStatus | undefined;
  readonly onChange: (status: RunnerStatus | undefined) => void;
}

/** How many Runners have which status, at a glance; a click shows these alone. */
export function StatusFilter({ runners, value, onChange }: Props) {
  const counts = new Map<RunnerStatus, number>();
  for (const { status } of runners) counts.set(status, (counts.get(status) ?? 0) + 1);
  const shown = RunnerStatusSchema.options.filter((status) => counts.has(status) || status === value);
  return (
    <Group gap={6} role="group" aria-label="Filter by status">
      {shown.map((status) => (
        <UnstyledButton
          key={status}
          className={classes.chip}
          aria-pressed={status === value}
          onClick={() => onChange(status === value ? undefined : status)}
        >
          <StatusIcon status={status} size={15} withWord />
          <span className={classes.count}>{counts.get(status) ?? 0}</span>
        </UnstyledButton>
      ))}
    </Group>
  );
}
