import { Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './empty-state.module.css';

interface Props {
  readonly icon: ReactNode;
  readonly title: string;
  /** What this is for, in one or two sentences. */
  readonly children: ReactNode;
  /** The first thing to do. */
  readonly action?: ReactNode;
  /** It is the whole screen: then its title is the heading of the page. */
  readonly whole?: boolean;
  /** 1 where nothing else is on the screen. */
  readonly level?: 1 | 2;
}

/** What stands where a list has nothing yet. */
export function EmptyState({ icon, title, children, action, level = 2 }: Props) {
  return (
    <Stack align="center" gap="xs" className={classes.empty}>
      <span className={classes.icon} aria-hidden>
        {icon}
      </span>
      <Title order={level} size="h4" ta="center">
        {title}
      </Title>
      <Text c="dimmed" ta="center" maw={480} component="div">
        {children}
      </Text>
      {action}
    </Stack>
  );
}
