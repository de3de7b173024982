import { Loader, Stack, Text, Title } from '@mantine/core';
import { IconCircle, IconCircleCheckFilled, IconCircleX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Runner } from '../../protocol/api/runners.ts';
import { coordinatorNow } from '../api/coordinator-clock.ts';
import { sessionQueries } from '../api/session-queries.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { useNow } from '../ui/ticker.ts';
import { enrolmentProgress, needsHelp, type ProgressStep } from './enrolment-progress.ts';
import { RefusalList } from './refusal-list.tsx';
import classes from './what-happens-next.module.css';

/** Live, from the coordinator's own view: from the token to the green check mark, or the cause why not. */
export function WhatHappensNext({ runner }: { runner: Runner }) {
  const now = useNow();
  const [opened] = useState(coordinatorNow);
  const downloaded = runner.enrolment?.downloadedAt ?? null;
  const since = downloaded === null ? opened : Math.max(opened, Date.parse(downloaded));
  const steps = enrolmentProgress(runner, now);
  // Also beside a replica that is well: it may be that somebody else's host took the token, and this one was turned away.
  const refusals = runner.refusals.filter(({ at }) => at >= (runner.enrolment?.createdAt ?? ''));
  return (
    <section aria-labelledby="what-happens-next" className={classes.panel}>
      <Title order={2} size="h4" id="what-happens-next" mb="sm">
        What happens next
      </Title>
      <ol className={classes.steps}>
        {steps.map((step) => (
          <Step key={step.id} step={step} />
        ))}
      </ol>
      {refusals.length > 0 && (
        <Stack gap="xs" mt="md">
          <Text size="sm" fw={600}>
            The coordinator turned somebody away
          </Text>
          <RefusalList refusals={refusals.slice(0, 3)} />
        </Stack>
      )}
      {needsHelp(runner, since, now) && <ThingsToCheck />}
    </section>
  );
}

const WORDS = { done: 'done', now: 'waiting', later: 'not yet', failed: 'failed' } as const;

function Step({ step: { id, state, text, at } }: { step: ProgressStep }) {
  return (
    <li className={classes.step} data-state={state} data-step={id} aria-current={state === 'now' ? 'step' : undefined}>
      <span className={classes.icon} role="img" aria-label={WORDS[state]}>
        {state === 'done' && <IconCircleCheckFilled size={20} aria-hidden />}
        {state === 'now' && <Loader size={16} aria-hidden />}
        {state === 'later' && <IconCircle size={20} stroke={1.5} aria-hidden />}
        {state === 'failed' && <IconCircleX size={20} aria-hidden />}
      </span>
      <span>
        {/* Said aloud when it changes; the time beside it changes every second. */}
        <span aria-live="polite">{text}</span>
        {at !== null && (
          <Text span inherit c="dimmed">
            {' '}
            <RelativeTime at={at} />
          </Text>
        )}
      </span>
    </li>
  );
}

function ThingsToCheck() {
  const me = useQuery(sessionQueries.me());
  const url = me.data?.coordinator.url ?? '';
  const loopback = /\/\/(127\.|localhost|\[::1\])/.test(url);
  return (
    <Stack gap={4} mt="md" role="status">
      <Text size="sm" fw={600}>
        Nothing has arrived yet. Things to check:
      </Text>
      <ul className={classes.checks}>
        <li>Is the agent running? Its own words on the host say what it is waiting for.</li>
        {loopback ? (
          <li>This coordinator listens on {url}: only a Runner on this very computer can reach it.</li>
        ) : (
          <li>Can the host resolve and reach {url}? A firewall or a proxy may be in between.</li>
        )}
        <li>
          <code>outrunner-agent doctor</code> on the host checks name, connection, proxy, TLS, clock and disk, and says
          what is wrong.
        </li>
      </ul>
    </Stack>
  );
}
