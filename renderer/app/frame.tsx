import { AppShell } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQueryClient } from '@tanstack/react-query';
import { useRouterState } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import type { Me } from '../../protocol/api/identity.ts';
import { systemClock } from '../../protocol/clock.ts';
import { connectLive } from '../api/live-connection.ts';
import { CommandPalette } from './command-palette.tsx';
import classes from './frame.module.css';
import { OfflineBanner } from './offline-banner.tsx';
import { SideBar } from './side-bar.tsx';
import { TopBar } from './top-bar.tsx';
import { useCurrentProject } from './use-current-project.ts';

/** What is around every screen of somebody who is signed in. While it stands, live events keep the screens fresh. */
export function Frame({ me, children }: { me: Me; children: ReactNode }) {
  const client = useQueryClient();
  const project = useCurrentProject();
  const [navigationOpened, navigation] = useDisclosure();
  useEffect(() => {
    const live = connectLive(client, systemClock());
    return () => live.stop();
  }, [client]);

  const content = useRef<HTMLDivElement>(null);
  const pathname = useRouterState({ select: (state) => state.resolvedLocation?.pathname });
  useEffect(() => {
    // What had the focus went with the last screen: the keyboard goes on where the new one begins.
    if (pathname !== undefined && document.activeElement === document.body)
      content.current?.focus({ preventScroll: true });
  }, [pathname]);

  const inProject = project !== null;
  return (
    <AppShell
      header={{ height: 48 }}
      navbar={{
        width: 224,
        breakpoint: 'sm',
        collapsed: { desktop: !inProject, mobile: !inProject || !navigationOpened },
      }}
      transitionDuration={0}
    >
      <a className={classes.skip} href="#content">
        Skip to the content
      </a>
      <AppShell.Header className={classes.header}>
        <TopBar me={me} project={project} navigationOpened={navigationOpened} onToggleNavigation={navigation.toggle} />
      </AppShell.Header>
      {inProject && (
        <AppShell.Navbar className={classes.navbar} p="xs">
          <SideBar project={project} onNavigate={navigation.close} />
        </AppShell.Navbar>
      )}
      <AppShell.Main className={classes.main}>
        <OfflineBanner />
        <div id="content" ref={content} tabIndex={-1} className={classes.content}>
          {children}
        </div>
      </AppShell.Main>
      <CommandPalette project={project} />
    </AppShell>
  );
}
