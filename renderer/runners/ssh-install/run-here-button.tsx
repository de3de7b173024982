import { Modal } from '@mantine/core';
import { IconDeviceDesktop } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Runner } from '../../../protocol/api/runners.ts';
import { OutrunnerError } from '../../../protocol/problems.ts';
import { sshInstallMutations, type WhichInstall } from '../../api/ssh-install-queries.ts';
import { ActionButton } from '../../ui/action-button.tsx';
import { toastProblem } from '../../ui/toast.tsx';
import { type Connection, connectionProblems } from '../install/connection-fields.tsx';
import { networkOf } from './ssh-draft.ts';
import { SshInstallProgress } from './ssh-install-progress.tsx';
import { useHerePlace, useSshPlaces } from './use-ssh-places.ts';

/** “Run on this computer”, where the coordinator or a desktop console can do that: one click, and the steps of it. */
export function RunHereButton({ runner, connection }: { runner: Runner; connection: Connection }) {
  const from = useHerePlace();
  const start = useMutation(sshInstallMutations.startHere(useSshPlaces()));
  const [shown, setShown] = useState<WhichInstall | null>(null);
  if (from === null) return null;
  const problems = connectionProblems(connection);
  const begin = () =>
    start.mutate(
      { runner: runner.id, install: networkOf(connection), from },
      {
        onSuccess: setShown,
        onError: (error) => {
          // Who said no to the question of the console knows it.
          if (error instanceof OutrunnerError && error.code === 'ssh-install-cancelled') return;
          toastProblem('It could not be installed on this computer', error);
        },
      },
    );
  return (
    <>
      <ActionButton
        variant="default"
        leftSection={<IconDeviceDesktop size={17} aria-hidden />}
        loading={start.isPending}
        blocked={
          runner.enrolment?.state === 'open'
            ? (problems.proxy ?? problems.ca)
            : 'The token of this Runner is no longer open.'
        }
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
        {shown !== null && <SshInstallProgress which={shown} onClose={() => setShown(null)} onAgain={begin} />}
      </Modal>
    </>
  );
}
