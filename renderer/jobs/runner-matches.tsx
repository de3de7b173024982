import { Anchor, Group, List, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { runnerQueries } from '../api/runner-queries.ts';
import { DataState } from '../ui/data-state.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { matchingRunners, type RunnerMatch } from './matching-runners.ts';

interface Props {
  readonly project: string;
  readonly tags: readonly string[];
  /** Only whether there is one, in one line. */
  readonly brief?: boolean;
}

/** Which Runners would take the work now, and for the others the first rule that they fail. Live. */
export function RunnerMatches({ project, tags, brief = false }: Props) {
  const query = useQuery(runnerQueries.list());
  return (
    <DataState query={query}>
      {(runners) => {
        const matches = matchingRunners(runners, project, tags);
        const ready = matches.filter(({ failed }) => failed === null);
        return (
          <div>
            <Verdict ready={ready} known={matches.length} />
            {!brief && matches.length > 0 && <Matches matches={matches} />}
          </div>
        );
      }}
    </DataState>
  );
}

function Verdict({ ready, known }: { ready: readonly RunnerMatch[]; known: number }) {
  if (ready.length > 0) {
    const names = ready.slice(0, 3).map(({ runner }) => runner.name);
    const more = ready.length - names.length;
    return (
      <Text size="sm" role="status">
        <IconCircleCheck size={16} color="var(--outrunner-good)" style={{ verticalAlign: '-3px' }} aria-hidden />{' '}
        {ready.length === 1 ? 'One Runner matches now: ' : `${ready.length} Runners match now: `}
        {names.join(', ')}
        {more > 0 && ` and ${more} more`}.
      </Text>
    );
  }
  return (
    <Text size="sm" role="status">
      <IconAlertTriangle size={16} color="var(--outrunner-warn)" style={{ verticalAlign: '-3px' }} aria-hidden />{' '}
      {known === 0
        ? 'No Runner is assigned to this project yet: an execution would wait.'
        : 'No Runner matches now: an execution would wait.'}
    </Text>
  );
}

function Matches({ matches }: { matches: readonly RunnerMatch[] }) {
  return (
    <List listStyleType="none" spacing={6} size="sm" mt="sm">
      {matches.map(({ runner, failed }) => (
        <List.Item key={runner.id}>
          <Group gap={8} wrap="nowrap">
            <StatusIcon status={runner.status} reason={runner.statusReason} size={16} />
            <Anchor
              renderRoot={(props) => <Link to="/runners/$id" params={{ id: runner.id }} {...props} />}
              inherit
              fw={600}
            >
              {runner.name}
            </Anchor>
            <Text span inherit c={failed === null ? 'var(--outrunner-good)' : 'dimmed'}>
              {failed === null ? 'Matches' : failed.detail}
            </Text>
          </Group>
        </List.Item>
      ))}
    </List>
  );
}
