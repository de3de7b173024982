import { IconBan, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { UpgradeSummary } from '../../protocol/api/upgrades.ts';
import { isUnderWay } from '../api/apply-upgrades.ts';
import { upgradeMutations } from '../api/upgrade-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { toastDone, toastProblem } from '../ui/toast.tsx';
import { useDialog } from '../ui/use-dialog.ts';
import { replicaCount } from './upgrade-look.ts';

const ICON = { size: 16, 'aria-hidden': true } as const;

/** Pause, resume and cancel, while there is something to pause. What goes past a failure, or ends it, asks first. */
export function UpgradeActions({ upgrade }: { upgrade: UpgradeSummary }) {
  const dialog = useDialog<'resume' | 'cancel'>();
  const pause = useMutation(upgradeMutations.act('pauseUpgrade'));
  const resume = useMutation(upgradeMutations.act('resumeUpgrade'));
  const cancel = useMutation(upgradeMutations.act('cancelUpgrade'));
  if (!isUnderWay(upgrade)) return null;
  const { id, state, version, counts } = upgrade;
  const { failed, pending } = counts;
  const close = () => {
    resume.reset();
    cancel.reset();
    dialog.close();
  };
  const goOn = (onError?: (error: unknown) => void) =>
    resume.mutate(id, {
      onSuccess: () => {
        toastDone('The upgrade goes on');
        close();
      },
      onError,
    });
  return (
    <>
      {state === 'running' ? (
        <ActionButton
          variant="default"
          leftSection={<IconPlayerPause {...ICON} />}
          loading={pause.isPending}
          onClick={() => pause.mutate(id, { onError: (error) => toastProblem('The upgrade was not paused', error) })}
        >
          Pause
        </ActionButton>
      ) : (
        <ActionButton
          leftSection={<IconPlayerPlay {...ICON} />}
          loading={resume.isPending}
          onClick={() =>
            failed > 0 ? dialog.open('resume') : goOn((error) => toastProblem('The upgrade was not resumed', error))
          }
        >
          Resume
        </ActionButton>
      )}
      <ActionButton variant="default" leftSection={<IconBan {...ICON} />} onClick={() => dialog.open('cancel')}>
        Cancel upgrade
      </ActionButton>
      <ConfirmDialog
        opened={dialog.name === 'resume'}
        title={`Go on with the upgrade to ${version}?`}
        confirm="Resume"
        pending={resume.isPending}
        error={resume.error}
        onClose={close}
        onConfirm={() => goOn()}
      >
        {failed === 1 ? 'One replica has' : `${replicaCount(failed)} have`} failed and {failed === 1 ? 'keeps' : 'keep'}{' '}
        the version of before.{' '}
        {pending > 0 && `${replicaCount(pending)} ${pending === 1 ? 'gets' : 'get'} the new version all the same.`}
      </ConfirmDialog>
      <ConfirmDialog
        opened={dialog.name === 'cancel'}
        title={`Cancel the upgrade to ${version}?`}
        confirm="End the upgrade"
        dangerous
        pending={cancel.isPending}
        error={cancel.error}
        onClose={close}
        onConfirm={() =>
          cancel.mutate(id, {
            onSuccess: () => {
              toastDone('The upgrade was cancelled');
              close();
            },
          })
        }
      >
        {pending > 0 && `${replicaCount(pending)} that ${pending === 1 ? 'waits' : 'wait'} for a turn will not begin. `}
        Agents that have not begun to switch keep their version; those that have, go on by themselves. It cannot be
        resumed.
      </ConfirmDialog>
    </>
  );
}
