import { Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Runner } from '../../../protocol/api/runners.ts';
import { runnerQueries } from '../../api/runner-queries.ts';
import { sshInstallQueries, type WhichInstall } from '../../api/ssh-install-queries.ts';
import { DataState } from '../../ui/data-state.tsx';
import { NoToken } from '../download-panel.tsx';
import { type Connection, NO_CONNECTION } from '../install/connection-fields.tsx';
import { EMPTY_DRAFT, type SshDraft } from './ssh-draft.ts';
import { SshInstallForm } from './ssh-install-form.tsx';
import { SshInstallProgress } from './ssh-install-progress.tsx';
import { useSshPlaces } from './use-ssh-places.ts';

interface Props {
  readonly runner: Runner;
  /** How the host reaches the coordinator, where that was said already. */
  readonly connection?: Connection;
  readonly opened: boolean;
  readonly onClose: () => void;
}

/**
 * Puts this Runner on a host over SSH. An installation goes on when the dialog is closed, and is shown when it is opened
 * again. What was filled in, passwords too, lives as long as the dialog is open, and nowhere else.
 */
export function SshInstallDialog({ runner, connection = NO_CONNECTION, opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Install ${runner.name} over SSH`} size="680px">
      <Content runner={runner} connection={connection} onClose={onClose} />
    </Modal>
  );
}

function Content({ runner, connection, onClose }: Required<Omit<Props, 'opened'>>) {
  const places = useSshPlaces();
  const installs = useQuery(sshInstallQueries.list(places, runner.id));
  const detail = useQuery(runnerQueries.detail(runner.id));
  const [draft, setDraft] = useState<SshDraft>({ ...EMPTY_DRAFT, connection });
  /** undefined: nobody chose yet; null: the form. */
  const [shown, setShown] = useState<WhichInstall | null | undefined>(undefined);
  const running = installs.data?.find(({ endedAt }) => endedAt === null);
  // To its end: also one whose first event was here before the answer to its start.
  if (shown === undefined && running !== undefined) setShown(running);
  return (
    <DataState query={installs}>
      {() => {
        if (shown !== undefined && shown !== null)
          return <SshInstallProgress which={shown} onClose={onClose} onAgain={() => setShown(null)} />;
        return (
          <DataState query={detail}>
            {(now) =>
              now.enrolment?.state === 'open' ? (
                <SshInstallForm runner={now} draft={draft} onChange={setDraft} onStarted={setShown} onClose={onClose} />
              ) : (
                <NoToken runner={now} />
              )
            }
          </DataState>
        );
      }}
    </DataState>
  );
}
