import { Anchor, Badge, Button, Group, List, Text, Title } from '@mantine/core';
import { IconCircleCheck, IconHourglassEmpty } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { Execution, Waiting } from '../../protocol/api/executions.ts';
import type { SelectionRule } from '../../protocol/selection.ts';
import { executionQueries } from '../api/execution-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { useNow } from '../ui/ticker.ts';
import { durationText, exactText } from '../ui/time-text.ts';
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
  stopping: 'Takes no new work',
  refused: 'Refused',
  capacity: 'Capacity',
};

/** What may end soonest first: a Runner that is full before one that is not of this project at all. */
const NEAREST_FIRST: readonly (SelectionRule | null)[] = [
  null,
  'capacity',
  'refused',
  'connection',
  'stopping',
  'mode',
  'status',
  'never-connected',
  'protocol',
  'tags',
  'project',
];

/** A coordinator may have thousands of Runners: so many are named at first. */
const NAMED_AT_FIRST = 12;

interface Props {
  readonly execution: Pick<Execution, 'id' | 'priority'>;
}

/** “Why is this waiting?”: what goes before it, since when, until when, and for each Runner the first rule that it fails. */
export function WaitingPanel({ execution: { id, priority } }: Props) {
  const query = useQuery({ ...executionQueries.waiting(id), refetchInterval: ASK_AGAIN_MS });
  return (
    <section className={classes.waiting} aria-labelledby="waiting-title">
      <Title order={2} size="h3" id="waiting-title" mb={6}>
        Why is this waiting?
      </Title>
      <DataState query={query}>{(waiting) => <Reasons waiting={waiting} priority={priority} />}</DataState>
    </section>
  );
}

function Reasons({ waiting, priority }: { waiting: Waiting; priority: number }) {
  const { summary, since, deadline, ahead, runners } = waiting;
  return (
    <>
      <Group gap={6} wrap="nowrap" align="flex-start">
        <IconHourglassEmpty size={18} aria-hidden style={{ flex: 'none', marginTop: 2 }} />
        <Text size="sm">{summary}</Text>
      </Group>
      {waiting.waiting && (
        <dl className={classes.waitingFacts}>
          <Fact name="Waiting for">{since === null ? 'not known' : <Since at={since} />}</Fact>
          <Fact name="Before it">{ahead === null ? 'nobody: a Runner has it' : aheadWords(ahead)}</Fact>
          <Fact name="Priority">{priority}</Fact>
          <Fact name="Gives up">{deadline === null ? 'never: a Runner has it' : <Until at={deadline} />}</Fact>
        </dl>
      )}
      {ahead === null ? (
        <List spacing={6} mt="md" listStyleType="none" size="sm">
          {runners.map(({ runner, detail }) => (
            <List.Item key={runner.id}>
              <Line runner={runner} detail={detail}>
                <Badge variant="default" size="sm">
                  Has it
                </Badge>
              </Line>
            </List.Item>
          ))}
        </List>
      ) : (
        <Candidates runners={runners} />
      )}
    </>
  );
}

function aheadWords(ahead: number): string {
  if (ahead === 0) return 'nobody: it is the next';
  return `${ahead.toLocaleString()} ${ahead === 1 ? 'other' : 'others'}: of a higher priority, or older`;
}

function Candidates({ runners }: Pick<Waiting, 'runners'>) {
  const [all, setAll] = useState(false);
  const rank = ({ rule }: Waiting['runners'][number]) => NEAREST_FIRST.indexOf(rule);
  const sorted = runners.toSorted((a, b) => rank(a) - rank(b) || a.runner.name.localeCompare(b.runner.name));
  const shown = all ? sorted : sorted.slice(0, NAMED_AT_FIRST);
  const more = sorted.length - shown.length;
  return (
    <>
      {shown.length > 0 && (
        <List spacing={6} mt="md" listStyleType="none" size="sm" aria-label="Runners, and why each does not take it">
          {shown.map(({ runner, rule, detail }) => (
            <List.Item key={runner.id}>
              <Line runner={runner} detail={rule === null ? '' : detail}>
                {rule === null ? (
                  <Text span inherit c="var(--outrunner-good)" style={{ whiteSpace: 'nowrap' }}>
                    <IconCircleCheck size={15} aria-hidden style={{ verticalAlign: '-2px' }} /> Can take work now
                  </Text>
                ) : (
                  <Badge variant="default" size="sm" style={{ flex: 'none' }}>
                    {RULE_WORDS[rule]}
                  </Badge>
                )}
              </Line>
            </List.Item>
          ))}
        </List>
      )}
      {more > 0 && (
        <Button variant="default" size="compact-sm" mt="sm" onClick={() => setAll(true)}>
          Show {more.toLocaleString()} more
        </Button>
      )}
    </>
  );
}

interface LineProps {
  readonly runner: Waiting['runners'][number]['runner'];
  readonly detail: string;
  readonly children: ReactNode;
}

function Line({ runner, detail, children }: LineProps) {
  return (
    <Group gap={8} wrap="nowrap" align="baseline">
      <Anchor
        renderRoot={(props) => <Link to="/runners/$id" params={{ id: runner.id }} {...props} />}
        fw={600}
        inherit
        style={{ flex: 'none', maxWidth: '40%' }}
        truncate
        title={runner.name}
      >
        {runner.name}
      </Anchor>
      {children}
      <Text span inherit c="dimmed">
        {detail}
      </Text>
    </Group>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Since({ at }: { at: string }) {
  return <time dateTime={at}>{durationText(useNow() - Date.parse(at))}</time>;
}

function Until({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={exactText(Date.parse(at))}>
      in {durationText(Date.parse(at) - now)}
    </time>
  );
}
