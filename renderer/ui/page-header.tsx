import { Anchor, Breadcrumbs, Group, Text, Title } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';

interface Crumb {
  readonly label: string;
  /** An address inside of the console; without one it is only text. */
  readonly to?: string;
}

interface Props {
  readonly title: ReactNode;
  /** For the window's title bar, where `title` is more than text. */
  readonly documentTitle?: string;
  readonly crumbs?: readonly Crumb[];
  /** One short sentence below the title. */
  readonly description?: ReactNode;
  /** Buttons at the right. */
  readonly actions?: ReactNode;
}

/** Top of every screen: where I am, what this is, what I can do here. Sets the window's title. */
export function PageHeader({ title, documentTitle, crumbs = [], description, actions }: Props) {
  const text = documentTitle ?? (typeof title === 'string' ? title : undefined);
  useEffect(() => {
    document.title = text === undefined ? 'Outrunner' : `${text} · Outrunner`;
  }, [text]);
  return (
    <header>
      {crumbs.length > 0 && (
        <nav aria-label="Breadcrumb">
          <Breadcrumbs separator="›" mb={4} separatorMargin={6}>
            {crumbs.map(({ label, to }) =>
              to === undefined ? (
                <Text key={label} size="sm" c="dimmed" aria-current="page">
                  {label}
                </Text>
              ) : (
                <Anchor key={label} component={Link} to={to} size="sm">
                  {label}
                </Anchor>
              ),
            )}
          </Breadcrumbs>
        </nav>
      )}
      <Group justify="space-between" align="flex-start" gap="sm" mb="md">
        <div>
          <Title order={1} size="h2">
            {title}
          </Title>
          {description && (
            <Text c="dimmed" size="sm" component="div">
              {description}
            </Text>
          )}
        </div>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
    </header>
  );
}
