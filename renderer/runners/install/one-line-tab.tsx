import { Alert, Radio, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import type { PlatformTarget, RunnerConfig } from '../../../protocol/enrolment.ts';
import { CopyBlock } from '../../ui/copy-button.tsx';
import type { Connection } from './connection-fields.tsx';
import { type InstallMode, oneLineCommand } from './one-line-command.ts';

interface Props {
  readonly platform: PlatformTarget;
  readonly install: { readonly sh: string; readonly ps1: string; readonly config: RunnerConfig };
  readonly connection: Connection;
}

/** One line for the host: fetches the package, checks it and installs it. */
export function OneLineTab({ platform, install, connection }: Props) {
  const [mode, setMode] = useState<InstallMode>('service');
  const windows = platform === 'win-x64';
  const modes = {
    service: {
      label: 'Service of the host',
      description: windows ? 'Starts with the computer; needs an administrator.' : 'Starts with the host; needs root.',
    },
    user: {
      label: 'For one user',
      description: windows
        ? 'Without an administrator; runs as the user who installs it.'
        : 'Without root; runs as the user who installs it.',
    },
    foreground: { label: 'In the foreground', description: 'Installs nothing; runs until Ctrl-C.' },
  } as const;
  const { config, sh, ps1 } = install;
  const { proxy, ca } = connection;
  const command = oneLineCommand({ platform, mode, sh, ps1, proxy, ca: ca.trim() });
  return (
    <Stack gap="sm">
      <Radio.Group
        value={mode}
        onChange={(value) => setMode(value === 'user' || value === 'foreground' ? value : 'service')}
        label="How it runs"
      >
        <Stack gap={6} mt={4}>
          {(['service', 'user', 'foreground'] as const).map((one) => (
            <Radio key={one} value={one} size="xs" {...modes[one]} />
          ))}
        </Stack>
      </Radio.Group>
      <div>
        <Text size="xs" c="dimmed" mb={4}>
          Paste it into {windows ? 'PowerShell' : 'a shell'} of the host. SHA-256 and signature are checked before
          anything runs. It holds the single-use token: treat it like a password.
        </Text>
        <CopyBlock value={command} what="the install command" />
      </div>
      {isLoopback(config.coordinator.url) && (
        <Alert color="orange" variant="light" title="This coordinator can be reached from this computer alone">
          The command works here only. For other hosts the coordinator has to listen on an address that they reach.
        </Alert>
      )}
    </Stack>
  );
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.');
}
