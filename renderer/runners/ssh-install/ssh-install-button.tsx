import { Group } from '@mantine/core';
import { IconServerBolt } from '@tabler/icons-react';
import { useState } from 'react';
import type { Runner } from '../../../protocol/api/runners.ts';
import { ActionButton } from '../../ui/action-button.tsx';
import type { Connection } from '../install/connection-fields.tsx';
import { RunHereButton } from './run-here-button.tsx';
import { SshInstallDialog } from './ssh-install-dialog.tsx';

/** The ways that need no download: “Install over SSH…” with its dialog, and this computer itself. */
export function SshInstallButton({ runner, connection }: { runner: Runner; connection: Connection }) {
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
      <RunHereButton runner={runner} connection={connection} />
      <SshInstallDialog runner={runner} connection={connection} opened={opened} onClose={() => setOpened(false)} />
    </Group>
  );
}
