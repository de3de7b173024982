import { useNavigate } from '@tanstack/react-router';
import type { MouseEvent } from 'react';
import type { Runner } from '../../protocol/api/runners.ts';
import type { DataColumn } from '../ui/data-table.tsx';
import { LoadBar } from '../ui/load-bar.tsx';
import { platformName } from '../ui/platform-name.ts';
import { RelativeTime } from '../ui/relative-time.tsx';
import { StatusIcon } from '../ui/status-icon.tsx';
import { STATUS_LOOK } from '../ui/status-look.ts';
import { Tags } from '../ui/tags.tsx';
import type { HandedOut } from '../upgrades/use-handed-out.ts';
import { VersionMark } from '../upgrades/version-mark.tsx';
import { ModeBadge, ReconnectingMark } from './mode-badge.tsx';
import { RunnerActions } from './runner-actions.tsx';
import classes from './runner-columns.module.css';
import { StoppingBadge } from './stopping-badge.tsx';

const NOTHING = <span className={classes.quiet}>–</span>;

/**
 * Columns of every list of Runners. `project`: the list belongs to it, which changes what the actions are. `handedOut`: what
 * versions are compared with.
 */
export function runnerColumns(project: string | null, handedOut: HandedOut): DataColumn<Runner>[] {
  return [
    {
      id: 'status',
      header: 'Status',
      width: '78px',
      value: (runner) => STATUS_LOOK[runner.status].rank,
      cell: (runner) => (
        <span className={classes.line}>
          <StatusIcon status={runner.status} reason={runner.statusReason} />
          {runner.reconnecting && <ReconnectingMark />}
        </span>
      ),
    },
    {
      id: 'name',
      header: 'Runner Name',
      width: '200px',
      value: (runner) => runner.name,
      cell: (runner) => (
        <span className={classes.line}>
          <RunnerLink runner={runner} />
          <ModeBadge runner={runner} />
          <StoppingBadge runner={runner} iconOnly />
        </span>
      ),
    },
    {
      id: 'description',
      header: 'Description',
      value: (runner) => runner.description,
      cell: (runner) => (
        <span className={classes.quiet} title={runner.description}>
          {runner.description}
        </span>
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
        <span title={runner.projects.map((assignment) => assignment.project).join(', ') || 'Assigned to no project'}>
          {runner.projects.length}
        </span>
      ),
    },
    {
      id: 'version',
      header: 'Version',
      width: '146px',
      value: (runner) => runner.version,
      cell: (runner) => <VersionMark runner={runner} handedOut={handedOut} />,
    },
    {
      id: 'platform',
      header: 'Platform',
      width: '104px',
      value: (runner) => runner.platform && platformName(runner.platform),
      cell: (runner) =>
        runner.platform === null ? NOTHING : <span className={classes.cut}>{platformName(runner.platform)}</span>,
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
  const accepting = runner.replicas.filter((replica) => replica.accepting).length;
  return JSON.stringify([
    status,
    mode,
    name,
    description,
    tags,
    projects.length,
    version,
    load.running,
    reconnecting,
    accepting,
  ]);
}

/** A plain link: the router's own is too dear for lists in which hundreds pass by in a second of scrolling. */
function RunnerLink({ runner: { id, name } }: { runner: Runner }) {
  const navigate = useNavigate();
  const open = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void navigate({ to: '/runners/$id', params: { id } });
  };
  return (
    <a className={classes.link} href={`/runners/${id}`} onClick={open} title={name}>
      {name}
    </a>
  );
}
