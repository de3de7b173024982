import { Code, Group, Stack, Table, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Job } from '../../protocol/api/jobs.ts';
import { Tags } from '../ui/tags.tsx';
import { durationText } from '../ui/time-text.ts';
import classes from './jobs.module.css';
import { outputLimitText } from './output-limit-text.ts';
import { RunnerMatches } from './runner-matches.tsx';
import { StepView } from './step-view.tsx';

/** What a job does, where, and within which limits. */
export function JobDefinition({ job }: { job: Job }) {
  const { workflow, options, runnerTags, queueSeconds, leaseSeconds, graceSeconds, project } = job;
  const { priority, outputLimit } = job;
  return (
    <Stack gap="md">
      <Section title="Workflow">
        <ol className={classes.steps}>
          {workflow.steps.map((step, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: steps have no name but their place
            <StepView key={index} step={step} index={index} />
          ))}
        </ol>
      </Section>
      {options.length > 0 && (
        <Section title="Options">
          <Table fz="sm" verticalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Name</Table.Th>
                <Table.Th>Default</Table.Th>
                <Table.Th>Description</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {options.map(({ name, value, description, required }) => (
                <Table.Tr key={name}>
                  <Table.Td>
                    <Code>{name}</Code>
                    {required && (
                      <Text span size="xs" c="dimmed">
                        {' '}
                        required
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>{value === '' ? '–' : <Code>{value}</Code>}</Table.Td>
                  <Table.Td>{description}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Section>
      )}
      <Section title="Runners">
        {runnerTags.length > 0 && (
          <Group gap={6} mb={6}>
            <Text size="sm">With all of the tags</Text>
            <Tags tags={runnerTags} />
          </Group>
        )}
        <RunnerMatches project={project} tags={runnerTags} />
      </Section>
      <Section title="Limits">
        <dl className={classes.facts}>
          <Limit name="After a failed step">{workflow.keepGoing ? 'keeps going' : 'stops'}</Limit>
          <Limit name="Timeout">
            {workflow.timeoutSeconds === 0 ? 'none' : durationText(workflow.timeoutSeconds * 1000)}
          </Limit>
          <Limit name="Priority">{priority}</Limit>
          <Limit name="Waits for a Runner">{durationText(queueSeconds * 1000)}</Limit>
          <Limit name="Lost after">{durationText(leaseSeconds * 1000)} without a sign of the agent</Limit>
          <Limit name="Grace when stopped">
            {graceSeconds === 0 ? 'none: by force at once' : durationText(graceSeconds * 1000)}
          </Limit>
          <Limit name="Output limit">{outputLimitText(outputLimit)}</Limit>
        </dl>
      </Section>
    </Stack>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.panel}>
      <Title order={2} size="h4" mb="xs">
        {title}
      </Title>
      {children}
    </section>
  );
}

function Limit({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
