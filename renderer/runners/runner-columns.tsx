import { Anchor, Group, Text, Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Runner } from '../../protocol/api/runners.ts';
import type { DataColumn } from '../ui/data-table.tsx';
import { LoadBar } from '../ui/load-bar.tsx';
import { platformName } from '../ui/platform-name.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { STATUS_LOOK } from '../ui/status-look.ts';
import { Tags } from '../ui/tags.tsx';
import { ModeBadge, ReconnectingMark } from './mode-badge.tsx';
import { RunnerActions } from './runner-actions.tsx';

/** Columns of every list of Runners. `project`: the list belongs to it, which changes what the actions are. */
export function runnerColumns(project: string | null): DataColumn<Runner>[] {
  return [
    {
      id: 'status',
      header: 'Status',
      width: '78px',
      value: (runner) => STATUS_LOOK[runner.status].rank,
      cell: (runner) => (
        <Group gap={6} wrap="nowrap">
          <StatusIcon status={runner.status} reason={runner.statusReason} />
          {runner.reconnecting && <ReconnectingMark />}
        </Group>
      ),
    },
    {
      id: 'name',
      header: 'Runner Name',
      width: '200px',
      value: (runner) => runner.name,
      cell: (runner) => (
        <Group gap={6} wrap="nowrap">
          <Anchor
            renderRoot={(props) => <Link to="/runners/$id" params={{ id: runner.id }} {...props} />}
            fw={600}
            inherit
            truncate
            title={runner.name}
          >
            {runner.name}
          </Anchor>
          <ModeBadge runner={runner} />
        </Group>
      ),
    },
    {
      id: 'description',
      header: 'Description',
      value: (runner) => runner.description,
      cell: (runner) => (
        <Text inherit truncate title={runner.description} c="dimmed">
          {runner.description}
        </Text>
      ),
    },
    {
      id: 'lastCheckin',
      header: 'Last Check-in',
      width: '108px',
      value: (runner) => (runner.lastCheckin === null ? null : Date.parse(runner.lastCheckin)),
      cell: (runner) => <RelativeTime at={runner.lastCheckin} />,
    },
    { id: 'tags', header: 'Tags', width: '180px', cell: (runner) => <Tags tags={runner.tags} limit={3} /> },
    {
      id: 'projects',
      header: 'Projects',
      width: '84px',
      align: 'right',
      value: (runner) => runner.projects.length,
      cell: (runner) => (
        <Tooltip
          label={runner.projects.map((assignment) => assignment.project).join(', ') || 'Assigned to no project'}
          multiline
          maw={320}
        >
          <span>{runner.projects.length}</span>
        </Tooltip>
      ),
    },
    {
      id: 'version',
      header: 'Version',
      width: '80px',
      value: (runner) => runner.version,
      cell: (runner) =>
        runner.version ?? (
          <Text inherit c="dimmed">
            –
          </Text>
        ),
    },
    {
      id: 'platform',
      header: 'Platform',
      width: '104px',
      value: (runner) => runner.platform && platformName(runner.platform),
      cell: (runner) =>
        runner.platform === null ? (
          <Text inherit c="dimmed">
            –
          </Text>
        ) : (
          <Text inherit truncate title={platformName(runner.platform)}>
            {platformName(runner.platform)}
          </Text>
        ),
    },
    {
      id: 'load',
      header: 'Load',
      width: '122px',
      value: (runner) => (runner.load.maximum === 0 ? 0 : runner.load.running / runner.load.maximum),
      cell: (runner) => <LoadBar {...runner.load} />,
    },
    {
      id: 'actions',
      header: 'Actions',
      hiddenHeader: true,
      width: '48px',
      align: 'right',
      sticky: true,
      cell: (runner) => <RunnerActions runner={runner} project={project} />,
    },
  ];
}

/** A row flashes when one of these changes; a mere sign of life is no news. */
export function runnerNews(runner: Runner): string {
  const { status, mode, name, description, tags, projects, version, load, reconnecting } = runner;
  return JSON.stringify([status, mode, name, description, tags, projects.length, version, load.running, reconnecting]);
}
