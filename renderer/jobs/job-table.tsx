import { Anchor, Group, Table, Text, Tooltip, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronRight, IconFolder } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { memo, useMemo, useState } from 'react';
import type { Job } from '../../protocol/api/jobs.ts';
import { executionLook } from '../activity/state-look.ts';
import { StateMark } from '../activity/state-mark.tsx';
import { shortDuration } from '../output/short-duration.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { JobActions } from './job-actions.tsx';
import { type JobRow, jobRows } from './job-tree.ts';
import classes from './jobs.module.css';
import { RunJobButton } from './run-job-button.tsx';

/** Jobs as a tree of their groups, each with how it went last and how it usually goes. `unfold`: all groups are open. */
export function JobTable({ jobs, unfold }: { jobs: readonly Job[]; unfold: boolean }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => jobRows(jobs, unfold ? new Set() : closed), [jobs, closed, unfold]);
  const toggle = (path: string) => {
    const next = new Set(closed);
    if (!next.delete(path)) next.add(path);
    setClosed(next);
  };
  return (
    <div className={classes.scroller}>
      <Table className={classes.table} aria-label="Jobs" layout="fixed" miw={760}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Name</Table.Th>
            <Table.Th w={126}>Last result</Table.Th>
            <Table.Th w={100}>Last run</Table.Th>
            <Table.Th w={104} ta="right">
              Average
            </Table.Th>
            <Table.Th w={92} ta="right">
              Success
            </Table.Th>
            <Table.Th w={124}>
              <span className={classes.hidden}>Actions</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) =>
            row.kind === 'group' ? (
              <GroupLine key={`group ${row.path}`} row={row} onToggle={() => toggle(row.path)} />
            ) : (
              <JobLine key={row.job.id} job={row.job} depth={row.depth} />
            ),
          )}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function GroupLine({ row, onToggle }: { row: Extract<JobRow, { kind: 'group' }>; onToggle: () => void }) {
  const Chevron = row.open ? IconChevronDown : IconChevronRight;
  return (
    <Table.Tr className={classes.group}>
      <Table.Th colSpan={6} scope="rowgroup">
        <UnstyledButton
          className={classes.groupButton}
          style={{ marginLeft: row.depth * 20 }}
          aria-expanded={row.open}
          onClick={onToggle}
        >
          <Chevron size={15} aria-hidden />
          <IconFolder size={16} aria-hidden />
          {row.name}
          <Text span size="xs" c="dimmed" fw={400}>
            {row.jobs} {row.jobs === 1 ? 'job' : 'jobs'}
          </Text>
        </UnstyledButton>
      </Table.Th>
    </Table.Tr>
  );
}

/** Drawn again only when the job itself changes. */
const JobLine = memo(function JobLine({ job, depth }: { job: Job; depth: number }) {
  const { id, project, name, description, lastExecution, averageSeconds, successRate } = job;
  return (
    <Table.Tr className={classes.job}>
      <Table.Td>
        <div style={{ paddingLeft: depth * 20 + 4 }}>
          <Anchor
            renderRoot={(props) => <Link to="/projects/$project/jobs/$id" params={{ project, id }} {...props} />}
            fw={600}
            inherit
            truncate
            display="block"
            title={name}
          >
            {name}
          </Anchor>
          {description !== '' && (
            <Text size="xs" c="dimmed" truncate title={description}>
              {description}
            </Text>
          )}
        </div>
      </Table.Td>
      <Table.Td>
        {lastExecution === null ? (
          <Text inherit c="dimmed">
            never ran
          </Text>
        ) : (
          <Link
            to="/executions/$id"
            params={{ id: lastExecution.id }}
            className={classes.result}
            aria-label={`${executionLook(lastExecution.state, lastExecution.survivorCount ?? 0).word}: execution ${lastExecution.number}`}
          >
            <StateMark
              state={lastExecution.state}
              reason={lastExecution.reason}
              survivors={lastExecution.survivorCount}
            />
          </Link>
        )}
      </Table.Td>
      <Table.Td>{lastExecution !== null && <RelativeTime at={lastExecution.createdAt} />}</Table.Td>
      <Table.Td ta="right">{averageSeconds === null ? '–' : shortDuration(averageSeconds * 1000)}</Table.Td>
      <Table.Td ta="right">
        {successRate === null ? (
          '–'
        ) : (
          <Tooltip label="Of the last 50 executions that ended">
            <span>{Math.round(successRate * 100)} %</span>
          </Tooltip>
        )}
      </Table.Td>
      <Table.Td>
        <Group gap={4} wrap="nowrap" justify="flex-end">
          <RunJobButton job={job} label="Run" size="compact-sm" variant="light" />
          <JobActions job={job} />
        </Group>
      </Table.Td>
    </Table.Tr>
  );
});
