import { Alert, Anchor, List, Text } from '@mantine/core';
import { IconPlayerPause, IconStackPop } from '@tabler/icons-react';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ExecutionSummary } from '../../protocol/api/executions.ts';
import type { Runner } from '../../protocol/api/runners.ts';
import { StateMark } from '../activity/state-mark.tsx';
import { executionQueries } from '../api/execution-queries.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { exactText } from '../ui/time-text.ts';

/** More are counted. */
const NAMED = 5;

const TITLE = {
  paused: 'Paused: it takes no new work',
  draining: 'Draining: it takes no new work and finishes what it has',
} as const;

/** That a Runner takes no new work: who said so, why, since and until when, and what still runs there. */
export function ModeNotice({ runner }: { runner: Runner }) {
  const { id, mode, modeBy, modeReason, modeSince, modeUntil } = runner;
  const query = useInfiniteQuery({
    ...executionQueries.list({ runner: id, state: 'active', limit: 50 }),
    enabled: mode !== 'active',
  });
  if (mode === 'active') return null;
  const work = query.data?.pages.flatMap(({ items }) => items) ?? [];
  const total = Math.max(query.data?.pages.at(-1)?.total ?? 0, work.length);
  const Icon = mode === 'paused' ? IconPlayerPause : IconStackPop;
  return (
    <Alert color="orange" variant="light" mb="md" icon={<Icon aria-hidden />} title={TITLE[mode]}>
      <Text size="sm">
        {modeReason}
        <Text span inherit c="dimmed">
          {' — '}
          {modeBy ?? 'somebody'}, <RelativeTime at={modeSince} none="time not known" />
        </Text>
      </Text>
      <Text size="sm">
        {modeUntil === null ? (
          'It takes work again when somebody resumes it.'
        ) : (
          <>
            It takes work again <RelativeTime at={modeUntil} /> ({exactText(Date.parse(modeUntil))}), or when somebody
            resumes it.
          </>
        )}
      </Text>
      {query.isSuccess && <Work work={work} total={total} draining={mode === 'draining'} />}
    </Alert>
  );
}

function Work({ work, total, draining }: { work: readonly ExecutionSummary[]; total: number; draining: boolean }) {
  if (total === 0) {
    return (
      <Text size="sm">
        {draining ? 'Nothing runs there any more: it is paused in a moment.' : 'Nothing runs there.'}
      </Text>
    );
  }
  const named = work.slice(0, NAMED);
  return (
    <>
      <Text size="sm" mt={6}>
        {draining ? 'Still to end, before it is paused:' : 'What it already has goes on:'}
      </Text>
      <List listStyleType="none" size="sm" mt={2} spacing={2}>
        {named.map(({ id, number, title, state, user }) => (
          <List.Item key={id}>
            <StateMark state={state} iconOnly size={15} />{' '}
            <Anchor renderRoot={(props) => <Link to="/executions/$id" params={{ id }} {...props} />} inherit>
              #{number} {title}
            </Anchor>{' '}
            <Text span inherit c="dimmed">
              started by {user}
            </Text>
          </List.Item>
        ))}
        {total > named.length && <List.Item>and {(total - named.length).toLocaleString()} more</List.Item>}
      </List>
    </>
  );
}
