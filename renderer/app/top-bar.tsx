import { Burger, Button, Kbd, Text } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { Me } from '../../protocol/api/identity.ts';
import { ConnectionLight } from './connection-light.tsx';
import classes from './frame.module.css';
import { GearMenu } from './gear-menu.tsx';
import { Mark } from './mark.tsx';
import { palette } from './palette-store.ts';
import { ProjectSwitcher } from './project-switcher.tsx';
import { UserMenu } from './user-menu.tsx';

interface Props {
  readonly me: Me;
  readonly project: string | null;
  readonly navigationOpened: boolean;
  readonly onToggleNavigation: () => void;
}

const MOD = /Mac/i.test(navigator.userAgent) ? '⌘' : 'Ctrl';

/** Mark, project, palette, connection, gear, person. */
export function TopBar({ me, project, navigationOpened, onToggleNavigation }: Props) {
  return (
    <div className={classes.bar}>
      {project !== null && (
        <Burger
          hiddenFrom="sm"
          size="sm"
          opened={navigationOpened}
          onClick={onToggleNavigation}
          aria-label={navigationOpened ? 'Close the project menu' : 'Open the project menu'}
        />
      )}
      <Link to="/projects" className={classes.home} aria-label="Outrunner: projects">
        <Mark />
      </Link>
      <ProjectSwitcher project={project} />
      <div className={classes.spacer} />
      <Button
        variant="default"
        size="compact-sm"
        fw={400}
        c="dimmed"
        leftSection={<IconSearch size={15} aria-hidden />}
        rightSection={<Kbd size="xs">{MOD} K</Kbd>}
        onClick={palette.open}
        aria-label={`Go to… ${MOD} K, search and commands`}
      >
        <Text span inherit visibleFrom="md">
          Go to…
        </Text>
      </Button>
      <ConnectionLight />
      <GearMenu />
      <UserMenu me={me} />
    </div>
  );
}
