import { NavLink, Stack } from '@mantine/core';
import { IconActivity, IconListDetails, IconServer2, IconSettings, IconTerminal2 } from '@tabler/icons-react';
import { Link, useRouterState } from '@tanstack/react-router';
import classes from './frame.module.css';

const ENTRIES = [
  { to: '/projects/$project/jobs', label: 'Jobs', icon: IconListDetails },
  { to: '/projects/$project/commands', label: 'Commands', icon: IconTerminal2 },
  { to: '/projects/$project/activity', label: 'Activity', icon: IconActivity },
  { to: '/projects/$project/runners', label: 'Runner Management', icon: IconServer2 },
  { to: '/projects/$project/settings', label: 'Project Settings', icon: IconSettings },
] as const;

/** The places inside of one project. */
export function SideBar({ project, onNavigate }: { project: string; onNavigate: () => void }) {
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  return (
    <nav aria-label={`Project ${project}`}>
      <Stack gap={2}>
        {ENTRIES.map(({ to, label, icon: Icon }) => {
          const here = to.replace('$project', encodeURIComponent(project));
          const active = pathname === here || pathname.startsWith(`${here}/`);
          return (
            <NavLink
              key={to}
              className={classes.link}
              label={label}
              leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
              active={active}
              aria-current={active ? 'page' : undefined}
              onClick={onNavigate}
              renderRoot={(props) => <Link to={to} params={{ project }} {...props} />}
            />
          );
        })}
      </Stack>
    </nav>
  );
}
