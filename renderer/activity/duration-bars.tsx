import { Tooltip } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ExecutionSummary } from '../../protocol/api/executions.ts';
import { type ExecutionFilter, executionQueries } from '../api/execution-queries.ts';
import { shortDuration } from '../output/short-duration.ts';
import classes from './activity.module.css';
import { executionLook } from './state-look.ts';

const SHOWN = 40;

/** How long the last executions took, oldest first: one bar each, in the colour of its result. */
export function DurationBars({ filter }: { filter: ExecutionFilter }) {
  const query = useInfiniteQuery(executionQueries.list(filter));
  const ended = (query.data?.pages[0]?.items ?? []).filter((one) => one.startedAt !== null && one.endedAt !== null);
  const shown = ended.slice(0, SHOWN).reverse();
  if (shown.length < 2) return null;
  const longest = Math.max(1, ...shown.map(tookMs));
  return (
    <ul className={classes.bars} aria-label="Durations of the last executions">
      {shown.map((one) => {
        const { word, color } = executionLook(one.state, one.survivorCount ?? 0);
        const text = `#${one.number} ${word}, ${shortDuration(tookMs(one))}`;
        return (
          <li key={one.id}>
            <Tooltip label={text}>
              <Link to="/executions/$id" params={{ id: one.id }} aria-label={text} className={classes.barLink}>
                <span
                  className={classes.bar}
                  data-failed={one.state !== 'succeeded' || undefined}
                  style={{ height: `${Math.max(8, (100 * tookMs(one)) / longest)}%`, color }}
                />
              </Link>
            </Tooltip>
          </li>
        );
      })}
    </ul>
  );
}

function tookMs({ startedAt, endedAt }: ExecutionSummary): number {
  return Math.max(0, Date.parse(endedAt ?? '') - Date.parse(startedAt ?? ''));
}
