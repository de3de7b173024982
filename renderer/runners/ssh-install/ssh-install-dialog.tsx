import { Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Runner } from '../../../protocol/api/runners.ts';
import { runnerQueries } from '../../api/runner-queries.ts';
import { sshInstallQueries } from '../../api/ssh-install-queries.ts';
import { DataState } from '../../ui/data-state.tsx';
import { NoToken } from '../download-panel.tsx';
import { EMPTY_DRAFT, type SshDraft } from './ssh-draft.ts';
import { SshInstallForm } from './ssh-install-form.tsx';
import { SshInstallProgress } from './ssh-install-progress.tsx';

interface Props {
  readonly runner: Runner;
  readonly opened: boolean;
  readonly onClose: () => void;
}

/**
 * Puts this Runner on a host over SSH. An installation goes on when the dialog is closed, and is shown when it is opened
 * again. What was filled in, passwords too, lives as long as the dialog is open, and nowhere else.
 */
export function SshInstallDialog({ runner, opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Install ${runner.name} over SSH`} size="680px">
      <Content runner={runner} onClose={onClose} />
    </Modal>
  );
}

function Content({ runner, onClose }: Omit<Props, 'opened'>) {
  const installs = useQuery(sshInstallQueries.list(runner.id));
  const detail = useQuery(runnerQueries.detail(runner.id));
  const [draft, setDraft] = useState<SshDraft>(EMPTY_DRAFT);
  /** undefined: nobody chose yet; null: the form. */
  const [shown, setShown] = useState<string | null | undefined>(undefined);
  return (
    <DataState query={installs}>
      {(list) => {
        const running = list.find(({ endedAt }) => endedAt === null)?.id ?? null;
        const id = shown === undefined ? running : shown;
        if (id !== null) return <SshInstallProgress id={id} onClose={onClose} onAgain={() => setShown(null)} />;
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
