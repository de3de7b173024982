import { ActionIcon, Menu } from '@mantine/core';
import {
  IconAdjustments,
  IconFolders,
  IconInfoCircle,
  IconKey,
  IconServer2,
  IconSettings,
  IconShieldLock,
} from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';

const ENTRIES = [
  { to: '/runners', label: 'Runner Management', icon: IconServer2 },
  { to: '/projects', label: 'Projects', icon: IconFolders },
  { to: '/tokens', label: 'API tokens', icon: IconKey },
  { to: '/trust', label: 'Keys and certificates', icon: IconShieldLock },
  { to: '/settings', label: 'Settings', icon: IconAdjustments },
  { to: '/about', label: 'System and about', icon: IconInfoCircle },
] as const;

/** What concerns the whole coordinator. */
export function GearMenu() {
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon size={32} aria-label="System menu">
          <IconSettings size={20} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {ENTRIES.map(({ to, label, icon: Icon }) => (
          <Menu.Item
            key={to}
            leftSection={<Icon size={16} stroke={1.7} aria-hidden />}
            renderRoot={(props) => <Link to={to} {...props} />}
          >
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
