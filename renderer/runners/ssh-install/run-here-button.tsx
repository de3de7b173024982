import { Modal } from '@mantine/core';
import { IconDeviceDesktop } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Runner } from '../../../protocol/api/runners.ts';
import { sessionQueries } from '../../api/session-queries.ts';
import { sshInstallMutations } from '../../api/ssh-install-queries.ts';
import { ActionButton } from '../../ui/action-button.tsx';
import { toastProblem } from '../../ui/toast.tsx';
import { SshInstallProgress } from './ssh-install-progress.tsx';

/** “Run on this computer”, where the coordinator is on it, too: one click, and the steps of it. */
export function RunHereButton({ runner }: { runner: Runner }) {
  const me = useQuery(sessionQueries.me());
  const start = useMutation(sshInstallMutations.startHere());
  const [shown, setShown] = useState<string | null>(null);
  if (me.data?.coordinator.embedded !== true) return null;
  const begin = () =>
    start.mutate(runner.id, {
      onSuccess: ({ id }) => setShown(id),
      onError: (error) => toastProblem('It could not be installed on this computer', error),
    });
  return (
    <>
      <ActionButton
        variant="default"
        leftSection={<IconDeviceDesktop size={17} aria-hidden />}
        loading={start.isPending}
        blocked={runner.enrolment?.state === 'open' ? null : 'The token of this Runner is no longer open.'}
        onClick={begin}
      >
        Run on this computer
      </ActionButton>
      <Modal
        opened={shown !== null}
        onClose={() => setShown(null)}
        title={`Run ${runner.name} on this computer`}
        size="680px"
      >
        {shown !== null && <SshInstallProgress id={shown} onClose={() => setShown(null)} onAgain={begin} />}
      </Modal>
    </>
  );
}
