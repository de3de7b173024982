import { Group } from '@mantine/core';
import { IconServerBolt } from '@tabler/icons-react';
import { useState } from 'react';
import type { Runner } from '../../../protocol/api/runners.ts';
import { ActionButton } from '../../ui/action-button.tsx';
import { RunHereButton } from './run-here-button.tsx';
import { SshInstallDialog } from './ssh-install-dialog.tsx';

/** The ways that need no download: “Install over SSH…” with its dialog, and this computer itself. */
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
      <RunHereButton runner={runner} />
      <SshInstallDialog runner={runner} opened={opened} onClose={() => setOpened(false)} />
    </Group>
  );
}
