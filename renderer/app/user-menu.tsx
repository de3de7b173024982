import { ActionIcon, Menu, Text } from '@mantine/core';
import { IconLogout, IconUserCircle } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { Me } from '../../protocol/api/identity.ts';
import { useHost } from '../host/host-context.tsx';
import { toastProblem } from '../ui/toast.tsx';
import { ThemeItems } from './theme-items.tsx';

/** Who is signed in, the theme, and the way out. */
export function UserMenu({ me }: { me: Me }) {
  const host = useHost();
  const client = useQueryClient();
  const signOut = useMutation({
    mutationFn: host.signOut,
    onSuccess: () => client.resetQueries(),
    onError: (error) => toastProblem('You could not be signed out', error),
  });
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon size={32} aria-label={`Your menu, ${me.user.name}`}>
          <IconUserCircle size={21} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text span inherit fw={600} c="var(--mantine-color-text)">
            {me.user.name}
          </Text>
          {me.user.role !== me.user.name && ` · ${me.user.role}`}
        </Menu.Label>
        <Menu.Divider />
        <Menu.Label>Theme</Menu.Label>
        <ThemeItems />
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => signOut.mutate()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
