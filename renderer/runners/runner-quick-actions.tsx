import { IconCircleArrowUp, IconDownload, IconPlayerPlay, IconWifi } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { Runner } from '../../protocol/api/runners.ts';
import { runnerMutations } from '../api/runner-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { toastDone, toastProblem } from '../ui/toast.tsx';
import { useDialog } from '../ui/use-dialog.ts';
import { runnerVersionState } from '../upgrades/runner-version.ts';
import { useHandedOut } from '../upgrades/use-handed-out.ts';
import { type RunnerDialog, RunnerDialogs } from './runner-dialogs.tsx';
import { usePing } from './use-ping.ts';

/** What is done most often on a Runner's page, one click away. */
export function RunnerQuickActions({ runner }: { runner: Runner }) {
  const ping = usePing(runner);
  const dialog = useDialog<RunnerDialog>();
  const { version } = useHandedOut();
  const setMode = useMutation(runnerMutations.setMode());
  const icon = { size: 16, 'aria-hidden': true } as const;
  const resume = () =>
    setMode.mutate(
      { id: runner.id, mode: 'active' },
      {
        onSuccess: () => toastDone(`${runner.name} takes work again`),
        onError: (error) => toastProblem(`${runner.name} could not be resumed`, error),
      },
    );
  return (
    <>
      {runner.mode !== 'active' && (
        <ActionButton leftSection={<IconPlayerPlay {...icon} />} onClick={resume} loading={setMode.isPending}>
          Resume
        </ActionButton>
      )}
      {runner.replicas.length === 0 ? (
        <ActionButton leftSection={<IconDownload {...icon} />} onClick={() => dialog.open('download')}>
          Download
        </ActionButton>
      ) : (
        <ActionButton
          needs="read"
          variant="default"
          leftSection={<IconWifi {...icon} />}
          onClick={ping.start}
          loading={ping.pending}
        >
          Ping
        </ActionButton>
      )}
      {runnerVersionState(runner, version) === 'outdated' && (
        <ActionButton
          variant="default"
          leftSection={<IconCircleArrowUp {...icon} />}
          onClick={() => dialog.open('upgrade')}
        >
          Upgrade…
        </ActionButton>
      )}
      <RunnerDialogs runner={runner} open={dialog.name} onClose={dialog.close} />
    </>
  );
}
