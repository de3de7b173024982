import { Code, Group, SimpleGrid, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import type { Replica, Runner } from '../../protocol/api/runners.ts';
import { CopyButton } from '../ui/copy-button.tsx';
import { type Fact, Facts } from '../ui/facts.tsx';
import { LoadBar } from '../ui/load-bar.tsx';
import { platformName } from '../ui/platform-name.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { Section } from '../ui/section.tsx';
import { Tags } from '../ui/tags.tsx';
import { type HandedOut, useHandedOut } from '../upgrades/use-handed-out.ts';
import { VersionMark } from '../upgrades/version-mark.tsx';
import { RefusalList } from './refusal-list.tsx';
import { clockWords, replicaFacts } from './replica-facts.tsx';
import { WhatHappensNext } from './what-happens-next.tsx';

/** What the Runner is, and how its replica is doing. */
export function OverviewTab({ runner }: { runner: Runner }) {
  const [replica, ...others] = runner.replicas;
  const handedOut = useHandedOut();
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Section title="Identity">
        <Facts facts={identityFacts(runner, handedOut)} />
      </Section>
      {replica === undefined ? (
        <WhatHappensNext runner={runner} />
      ) : (
        <Section
          title={others.length === 0 ? `Replica on ${replica.hostname}` : `Replicas (${runner.replicas.length})`}
        >
          {others.length === 0 ? (
            <Facts facts={replicaFacts(replica)} />
          ) : (
            <Stack gap={4}>
              {runner.replicas.map((one) => (
                <Group key={one.id} gap="xs">
                  <Text size="sm" fw={600}>
                    {one.hostname}
                  </Text>
                  <Text size="sm" c="dimmed">
                    {connectionWords(one)} · {one.running}/{one.maximum} operations · {one.version}
                  </Text>
                </Group>
              ))}
            </Stack>
          )}
        </Section>
      )}
      {runner.replicas.length > 0 && (
        <Section title="Checks of the agent itself">
          <Checks replicas={runner.replicas} />
        </Section>
      )}
      {runner.replicas.length > 0 && runner.refusals.length > 0 && (
        <Section title="Turned away lately">
          <RefusalList refusals={runner.refusals} />
        </Section>
      )}
    </SimpleGrid>
  );
}

function connectionWords({ connected, accepting, transport }: Replica): string {
  if (!connected) return 'not connected';
  const by = transport === 'polling' ? 'connected by long polling' : 'connected';
  return accepting ? by : `${by}, being stopped (takes no new work)`;
}

function identityFacts(runner: Runner, handedOut: HandedOut): Fact[] {
  const { enrolment } = runner;
  return [
    { term: 'Description', value: runner.description },
    { term: 'Tags', value: <Tags tags={runner.tags} /> },
    { term: 'Last check-in', value: <RelativeTime at={runner.lastCheckin} /> },
    { term: 'Load', value: <LoadBar {...runner.load} /> },
    { term: 'Platform', value: runner.platform === null ? 'not known yet' : platformName(runner.platform) },
    { term: 'Agent version', value: <VersionMark runner={runner} handedOut={handedOut} wide /> },
    { term: 'Replicas', value: { single: 'one', several: 'several', ephemeral: 'ephemeral' }[runner.replicaMode] },
    {
      term: 'Token',
      value:
        enrolment === null ? (
          'none'
        ) : (
          <>
            {enrolment.state}
            {enrolment.state === 'open' && (
              <>
                , expires <RelativeTime at={enrolment.expiresAt} />
              </>
            )}
          </>
        ),
    },
    { term: 'Created', value: <RelativeTime at={runner.createdAt} /> },
    {
      term: 'Id',
      value: (
        <Group gap={2} wrap="nowrap">
          <Code>{runner.id}</Code>
          <CopyButton value={runner.id} what="id" />
        </Group>
      ),
    },
  ];
}

function Checks({ replicas }: { replicas: readonly Replica[] }) {
  const checks = replicas.flatMap((replica) => replica.checks.map((check) => ({ ...check, replica })));
  if (checks.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        The agent has not reported any yet.
      </Text>
    );
  }
  return (
    <Stack gap={6}>
      {checks.map(({ check, ok, detail, replica }) => (
        <Group key={`${replica.id} ${check}`} gap={8} wrap="nowrap" align="flex-start">
          <Text span c={ok ? 'var(--outrunner-good)' : 'var(--outrunner-bad)'} display="inline-flex">
            {ok ? <IconCircleCheck size={18} aria-hidden /> : <IconAlertTriangle size={18} aria-hidden />}
          </Text>
          <Text size="sm">
            <b>{check}</b> {ok ? 'in order' : 'failing'}
            {replicas.length > 1 && ` on ${replica.hostname}`}
            {detail !== '' && `: ${detail}`}
            {check === 'clock' && replica.skewMs !== null && clockWords(replica.skewMs) !== 'right' && (
              <> ({clockWords(replica.skewMs)})</>
            )}
          </Text>
        </Group>
      ))}
    </Stack>
  );
}
