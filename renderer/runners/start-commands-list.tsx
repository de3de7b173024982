import { Stack, Text } from '@mantine/core';
import { CopyLine } from '../ui/copy-button.tsx';
import type { StartCommand } from './start-commands.ts';

/** Commands for the host, each with its copy button. */
export function StartCommandsList({ commands }: { commands: readonly StartCommand[] }) {
  return (
    <Stack gap="xs">
      <div>
        <Text size="sm" fw={600}>
          Then, on the host
        </Text>
        <Text size="xs" c="dimmed">
          Copy the file there. The agent opens no port: it only connects outward, to this coordinator.
        </Text>
      </div>
      {commands.map(({ what, command }) => (
        <div key={what}>
          <Text size="xs" c="dimmed" mb={2}>
            {what}
          </Text>
          <CopyLine value={command} what={`the command: ${what}`} />
        </div>
      ))}
    </Stack>
  );
}
