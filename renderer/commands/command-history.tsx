import { Text, Title, UnstyledButton } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { ExecutionSummary } from '../../protocol/api/executions.ts';
import { StateMark } from '../activity/state-mark.tsx';
import { executionQueries } from '../api/execution-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { RelativeTime } from '../ui/relative-time.tsx';
import classes from './commands.module.css';

interface Props {
  readonly project: string;
  /** The one whose output is shown. */
  readonly current: string | null;
  readonly onPick: (execution: ExecutionSummary) => void;
}

const SHOWN = 50;

/** The commands of this project before: one is picked to see its output and to run it again, changed or not. */
export function CommandHistory({ project, current, onPick }: Props) {
  const filter = useMemo(() => ({ project, kind: 'ad-hoc' as const, limit: SHOWN }), [project]);
  const query = useInfiniteQuery(executionQueries.list(filter));
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <nav className={classes.history} aria-label="Recent commands">
      <Title order={2} size="h4" px={8} py={6}>
        Recent commands
      </Title>
      <DataState
        query={query}
        isEmpty={() => items.length === 0}
        empty={
          <Text size="sm" c="dimmed" px={8}>
            What is run here is listed here.
          </Text>
        }
      >
        {() => (
          <ul>
            {items.slice(0, SHOWN).map((one) => (
              <li key={one.id}>
                <UnstyledButton
                  className={classes.entry}
                  aria-current={current === one.id ? 'true' : undefined}
                  onClick={() => onPick(one)}
                  title={one.title}
                >
                  <StateMark state={one.state} survivors={one.survivorCount} iconOnly size={15} />
                  <span className={classes.entryTitle}>{one.title}</span>
                  <span className={classes.entryFacts}>
                    #{one.number} · {one.user} · <RelativeTime at={one.createdAt} />
                  </span>
                </UnstyledButton>
              </li>
            ))}
          </ul>
        )}
      </DataState>
    </nav>
  );
}
