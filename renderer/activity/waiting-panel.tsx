import { Anchor, Badge, Group, List, Text, Title } from '@mantine/core';
import { IconCircleCheck, IconHourglassEmpty } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Waiting } from '../../protocol/api/executions.ts';
import type { SelectionRule } from '../../protocol/selection.ts';
import { executionQueries } from '../api/execution-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { useNow } from '../ui/ticker.ts';
import { durationText } from '../ui/time-text.ts';
import classes from './activity.module.css';

/** Why a Runner changed is not told to this list: while it is looked at, it is asked again so often, in milliseconds. */
const ASK_AGAIN_MS = 3_000;

const RULE_WORDS: Readonly<Record<SelectionRule, string>> = {
  project: 'Not assigned',
  tags: 'Tags',
  mode: 'Mode',
  'never-connected': 'Never connected',
  status: 'Status',
  connection: 'Connection',
  protocol: 'Version',
  stopping: 'Being stopped',
  capacity: 'Capacity',
};

/** “Why is this waiting?”: since when, until when, and for each Runner the first rule that it fails. */
export function WaitingPanel({ executionId }: { executionId: string }) {
  const query = useQuery({ ...executionQueries.waiting(executionId), refetchInterval: ASK_AGAIN_MS });
  return (
    <section className={classes.waiting} aria-labelledby="waiting-title">
      <Title order={2} size="h3" id="waiting-title" mb={6}>
        Why is this waiting?
      </Title>
      <DataState query={query}>{(waiting) => <Reasons waiting={waiting} />}</DataState>
    </section>
  );
}

function Reasons({ waiting }: { waiting: Waiting }) {
  const { summary, since, deadline, runners } = waiting;
  return (
    <>
      <Group gap={6} wrap="nowrap" align="flex-start">
        <IconHourglassEmpty size={18} aria-hidden style={{ flex: 'none', marginTop: 2 }} />
        <div>
          <Text size="sm">{summary}</Text>
          <Text size="xs" c="dimmed" aria-live="off">
            <Counting since={since} deadline={deadline} />
          </Text>
        </div>
      </Group>
      {runners.length > 0 && (
        <List spacing={6} mt="md" listStyleType="none" size="sm">
          {runners.map(({ runner, rule, detail }) => (
            <List.Item key={runner.id}>
              <Group gap={8} wrap="nowrap">
                <Anchor
                  renderRoot={(props) => <Link to="/runners/$id" params={{ id: runner.id }} {...props} />}
                  fw={600}
                  inherit
                >
                  {runner.name}
                </Anchor>
                {rule === null ? (
                  <Text span inherit c="var(--outrunner-good)">
                    <IconCircleCheck size={15} aria-hidden style={{ verticalAlign: '-2px' }} /> Can take it now
                  </Text>
                ) : (
                  <Badge variant="default" size="sm">
                    {RULE_WORDS[rule]}
                  </Badge>
                )}
                <Text span inherit c="dimmed">
                  {detail}
                </Text>
              </Group>
            </List.Item>
          ))}
        </List>
      )}
    </>
  );
}

function Counting({ since, deadline }: Pick<Waiting, 'since' | 'deadline'>) {
  const now = useNow();
  const parts = [
    since === null ? '' : `Waiting for ${durationText(now - Date.parse(since))}.`,
    deadline === null ? '' : `It gives up in ${durationText(Date.parse(deadline) - now)}.`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}
