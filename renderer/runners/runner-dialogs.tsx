import { Modal } from '@mantine/core';
import type { Runner } from '../../protocol/api/runners.ts';
import { UpgradeDialog } from '../upgrades/upgrade-dialog.tsx';
import { DeleteRunnerDialog } from './delete-runner-dialog.tsx';
import { DownloadPanel } from './download-panel.tsx';
import { EditRunnerForm } from './edit-runner-form.tsx';
import { ModeForm } from './mode-form.tsx';
import { RegenerateForm } from './regenerate-form.tsx';
import { SshInstallDialog } from './ssh-install/ssh-install-dialog.tsx';

export type RunnerDialog =
  | 'edit'
  | 'download'
  | 'ssh-install'
  | 'regenerate'
  | 'pause'
  | 'drain'
  | 'upgrade'
  | 'delete';

interface Props {
  readonly runner: Runner;
  readonly open: RunnerDialog | null;
  readonly onClose: () => void;
  readonly onDeleted?: () => void;
}

/** The dialogs that a Runner's actions open; one at a time. */
export function RunnerDialogs({ runner, open, onClose, onDeleted }: Props) {
  const modal = (dialog: RunnerDialog, title: string, size: string) => ({
    opened: open === dialog,
    onClose,
    title,
    size,
  });
  return (
    <>
      <Modal {...modal('edit', `Edit ${runner.name}`, 'md')}>
        <EditRunnerForm runner={runner} onDone={onClose} />
      </Modal>
      <Modal {...modal('download', `Download ${runner.name}`, '760px')}>
        <DownloadPanel runner={runner} />
      </Modal>
      <SshInstallDialog runner={runner} opened={open === 'ssh-install'} onClose={onClose} />
      <Modal {...modal('regenerate', `Regenerate credentials of ${runner.name}`, '760px')}>
        <RegenerateForm runner={runner} onClose={onClose} />
      </Modal>
      <Modal {...modal('pause', `Pause ${runner.name}`, 'md')}>
        <ModeForm runner={runner} mode="paused" onDone={onClose} />
      </Modal>
      <Modal {...modal('drain', `Drain ${runner.name}`, 'md')}>
        <ModeForm runner={runner} mode="draining" onDone={onClose} />
      </Modal>
      <UpgradeDialog runners={[runner]} opened={open === 'upgrade'} onClose={onClose} />
      <DeleteRunnerDialog runner={runner} opened={open === 'delete'} onClose={onClose} onDeleted={onDeleted} />
    </>
  );
}
