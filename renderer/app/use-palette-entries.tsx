import {
  IconActivity,
  IconAdjustments,
  IconCircleArrowUp,
  IconFolder,
  IconFolders,
  IconInfoCircle,
  IconKey,
  IconListDetails,
  IconPlayerPlay,
  IconPlus,
  IconServer2,
  IconSettings,
  IconShieldLock,
  IconTerminal2,
} from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { jobMutations, jobQueries } from '../api/job-queries.ts';
import { projectQueries } from '../api/project-queries.ts';
import { runnerQueries } from '../api/runner-queries.ts';
import { useBlocked } from '../api/use-blocked.ts';
import { containsWords } from '../ui/contains-words.ts';
import { StatusIcon } from '../ui/status-icon.tsx';
import { toastProblem } from '../ui/toast.tsx';

interface Entry {
  readonly id: string;
  readonly label: string;
  readonly description?: string;
  readonly icon: ReactNode;
  readonly act: () => void;
}

interface Group {
  readonly group: string;
  readonly entries: Entry[];
}

/** At most this many of each kind: more are found by typing on. */
const LIMIT = 8;

/** What the palette offers for what was typed. Reads the lists only while it is open. */
export function usePaletteEntries(project: string | null, typed: string, opened: boolean): Group[] {
  const runners = useQuery({ ...runnerQueries.list(), enabled: opened });
  const projects = useQuery({ ...projectQueries.list(), enabled: opened });
  const jobs = useQuery({ ...jobQueries.list(project ?? ''), enabled: opened && project !== null });
  const navigate = useNavigate();
  const screens = useScreens(project);
  const runEntry = useRunEntry();
  if (!opened) return [];

  const fits = (...texts: string[]) => containsWords(typed, ...texts);
  const groups: Group[] = [
    { group: 'Screens', entries: screens.filter(({ label }) => fits(label)).slice(0, typed === '' ? 12 : LIMIT) },
    {
      group: 'Jobs',
      entries: (jobs.data ?? [])
        .filter((job) => fits(job.name, job.group, 'run'))
        .slice(0, LIMIT)
        .flatMap((job): Entry[] => [
          {
            id: `job ${job.id}`,
            label: job.name,
            description: job.group,
            icon: <IconListDetails size={18} aria-hidden />,
            act: () =>
              void navigate({ to: '/projects/$project/jobs/$id', params: { project: job.project, id: job.id } }),
          },
          // A job that asks for something is run on its own page.
          ...(job.options.some(({ required, value }) => required && value === '') ? [] : runEntry(job)),
        ]),
    },
    {
      group: 'Runners',
      entries: (runners.data ?? [])
        .filter((runner) => fits(runner.name, runner.description, ...runner.tags))
        .slice(0, LIMIT)
        .map(({ id, name, description, status }) => ({
          id: `runner ${id}`,
          label: name,
          description,
          icon: <StatusIcon status={status} />,
          act: () => void navigate({ to: '/runners/$id', params: { id } }),
        })),
    },
    {
      group: 'Projects',
      entries: (projects.data ?? [])
        .filter(({ name, label }) => fits(name, label))
        .slice(0, LIMIT)
        .map(({ name, label }) => ({
          id: `project ${name}`,
          label,
          icon: <IconFolder size={18} aria-hidden />,
          act: () => void navigate({ to: '/projects/$project/jobs', params: { project: name } }),
        })),
    },
  ];
  return groups.filter(({ entries }) => entries.length > 0);
}

function useScreens(project: string | null): Entry[] {
  const navigate = useNavigate();
  const screen = (label: string, icon: ReactNode, act: () => unknown): Entry => ({
    id: `screen ${label}`,
    label,
    icon,
    act: () => void act(),
  });
  const size = { size: 18, 'aria-hidden': true } as const;
  const all = [
    screen('Runner Management', <IconServer2 {...size} />, () => navigate({ to: '/runners' })),
    screen('Create Runner', <IconPlus {...size} />, () => navigate({ to: '/runners/new' })),
    screen('Upgrades', <IconCircleArrowUp {...size} />, () => navigate({ to: '/upgrades' })),
    screen('Projects', <IconFolders {...size} />, () => navigate({ to: '/projects' })),
    screen('API tokens', <IconKey {...size} />, () => navigate({ to: '/tokens' })),
    screen('Keys and certificates', <IconShieldLock {...size} />, () => navigate({ to: '/trust' })),
    screen('Settings', <IconAdjustments {...size} />, () => navigate({ to: '/settings' })),
    screen('System and about', <IconInfoCircle {...size} />, () => navigate({ to: '/about' })),
  ];
  if (project === null) return all;
  const params = { project };
  return [
    screen(`Jobs of ${project}`, <IconListDetails {...size} />, () =>
      navigate({ to: '/projects/$project/jobs', params }),
    ),
    screen(`Commands in ${project}`, <IconTerminal2 {...size} />, () =>
      navigate({ to: '/projects/$project/commands', params }),
    ),
    screen(`Activity of ${project}`, <IconActivity {...size} />, () =>
      navigate({ to: '/projects/$project/activity', params }),
    ),
    screen(`Runners of ${project}`, <IconServer2 {...size} />, () =>
      navigate({ to: '/projects/$project/runners', params }),
    ),
    screen(`Settings of ${project}`, <IconSettings {...size} />, () =>
      navigate({ to: '/projects/$project/settings', params }),
    ),
    ...all,
  ];
}

/** The entry that runs a job and goes to its execution; none while it cannot be run. */
function useRunEntry(): (job: { id: string; name: string }) => Entry[] {
  const navigate = useNavigate();
  const blocked = useBlocked('run');
  const run = useMutation(jobMutations.run());
  return ({ id, name }) => {
    if (blocked !== null) return [];
    const act = () =>
      run.mutate(
        { id, idempotencyKey: crypto.randomUUID() },
        {
          onSuccess: (execution) => void navigate({ to: '/executions/$id', params: { id: execution.id } }),
          onError: (error) => toastProblem(`“${name}” could not be run`, error),
        },
      );
    return [{ id: `run ${id}`, label: `Run ${name}`, icon: <IconPlayerPlay size={18} aria-hidden />, act }];
  };
}
