import { Group, Text } from '@mantine/core';
import { IconServerBolt } from '@tabler/icons-react';
import { useState } from 'react';
import type { Runner } from '../../../protocol/api/runners.ts';
import { ActionButton } from '../../ui/action-button.tsx';
import { SshInstallDialog } from './ssh-install-dialog.tsx';

/** “Install over SSH…”, with its dialog. */
export function SshInstallButton({ runner }: { runner: Runner }) {
  const [opened, setOpened] = useState(false);
  return (
    <Group gap="sm">
      <ActionButton
        variant="default"
        leftSection={<IconServerBolt size={17} aria-hidden />}
        onClick={() => setOpened(true)}
      >
        Install over SSH…
      </ActionButton>
      <Text size="xs" c="dimmed">
        For a host that the coordinator reaches: nothing to download, nothing to type there.
      </Text>
      <SshInstallDialog runner={runner} opened={opened} onClose={() => setOpened(false)} />
    </Group>
  );
}
