import { Button, Code, Group, Progress, Stack, Text } from '@mantine/core';
import { IconDownload, IconFolderOpen, IconShieldCheck } from '@tabler/icons-react';
import type { Package } from '../../protocol/api/packages.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { byteSize } from '../ui/byte-size.ts';
import { CopyButton } from '../ui/copy-button.tsx';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { durationText } from '../ui/time-text.ts';
import { toastProblem } from '../ui/toast.tsx';
import type { DownloadState } from './use-download.ts';

interface Props {
  readonly chosen: Package;
  readonly state: DownloadState;
  readonly blocked: string | null;
  readonly onStart: () => void;
  readonly onCancel: () => void;
}

/** The download of one platform: button, progress with speed and rest, and what the check said. */
export function PackageDownload({ chosen, state, blocked, onStart, onCancel }: Props) {
  const busy = state.phase === 'receiving' || state.phase === 'verifying';
  return (
    <Stack gap="xs">
      <Group gap="xs">
        <ActionButton
          leftSection={<IconDownload size={17} aria-hidden />}
          onClick={onStart}
          disabled={busy}
          blocked={blocked}
        >
          {state.phase === 'done' ? 'Download again' : `Download for ${chosen.label}`}
        </ActionButton>
        {busy && (
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
        )}
      </Group>
      {busy && <Running state={state} />}
      {state.phase === 'failed' && <ProblemAlert error={state.error} onRetry={onStart} />}
      {state.phase === 'done' && <Done state={state} />}
    </Stack>
  );
}

function Running({ state }: { state: Extract<DownloadState, { phase: 'receiving' | 'verifying' }> }) {
  const { phase, receivedBytes, totalBytes, bytesPerSecond, secondsLeft } = state;
  const share = totalBytes === null ? null : (100 * receivedBytes) / totalBytes;
  const words =
    phase === 'verifying'
      ? 'Checking SHA-256 and signature…'
      : [
          totalBytes === null ? byteSize(receivedBytes) : `${byteSize(receivedBytes)} of ${byteSize(totalBytes)}`,
          bytesPerSecond === null ? null : `${byteSize(bytesPerSecond)}/s`,
          secondsLeft === null ? null : `${durationText(secondsLeft * 1000)} left`,
        ]
          .filter((part) => part !== null)
          .join(' · ');
  return (
    <div>
      <Progress
        value={phase === 'verifying' ? 100 : (share ?? 100)}
        animated={share === null || phase === 'verifying'}
        aria-label="Download"
      />
      <Text size="xs" c="dimmed" mt={4} role="status">
        {words}
      </Text>
    </div>
  );
}

function Done({ state: { file } }: { state: Extract<DownloadState, { phase: 'done' }> }) {
  const { show } = file;
  return (
    <Stack gap={4} role="status">
      <Group gap={6}>
        <Text span c="var(--outrunner-good)" display="inline-flex">
          <IconShieldCheck size={18} aria-hidden />
        </Text>
        <Text size="sm" fw={600}>
          SHA-256 and signature verified
        </Text>
        {show !== null && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconFolderOpen size={14} aria-hidden />}
            onClick={() => show().catch((error: unknown) => toastProblem('The folder could not be shown', error))}
          >
            Show in folder
          </Button>
        )}
      </Group>
      <Group gap={4} wrap="nowrap">
        <Text size="xs" c="dimmed">
          {file.fileName} · {byteSize(file.size)} · SHA-256 <Code fz={11}>{file.sha256.slice(0, 16)}…</Code>
        </Text>
        <CopyButton value={file.sha256} what="SHA-256" />
      </Group>
      {file.development && (
        <Text size="xs" c="dimmed">
          Signed with the development key of the machine that built it: this is not a release.
        </Text>
      )}
    </Stack>
  );
}
