import { Alert, Button, Code, Group, ScrollArea, Stack, Text, VisuallyHidden } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { SshInstall } from '../../../protocol/api/ssh-installs.ts';
import { CoordinatorError } from '../../api/coordinator-error.ts';
import { sshInstallMutations, sshInstallQueries, type WhichInstall } from '../../api/ssh-install-queries.ts';
import { ActionButton } from '../../ui/action-button.tsx';
import { DataState } from '../../ui/data-state.tsx';
import { ProblemAlert } from '../../ui/problem-alert.tsx';
import { toastProblem } from '../../ui/toast.tsx';
import { ChangedHostKey, HostKeyQuestion } from './host-key-question.tsx';
import { HostQuestions } from './host-questions.tsx';
import { SshSteps } from './ssh-steps.tsx';
import { useSshPlaces } from './use-ssh-places.ts';

interface Props {
  readonly which: WhichInstall;
  readonly onClose: () => void;
  /** Back to the form, filled in as it was. */
  readonly onAgain: () => void;
}

/** One installation as it goes on, what it asks, and how it ended. */
export function SshInstallProgress({ which, onClose, onAgain }: Props) {
  const places = useSshPlaces();
  const query = useQuery(sshInstallQueries.detail(places, which));
  const cancel = useMutation(sshInstallMutations.cancel(places, which));
  return (
    <DataState query={query}>
      {(install) => (
        <Stack gap="sm">
          <Text size="sm">
            <b>{placeText(install)}</b>
            {install.where === 'ssh' && install.from === 'console' && ', from this computer'},{' '}
            {install.mode === 'user' ? 'for this user alone' : 'for the whole host'}
          </Text>
          <SshSteps where={install.where} steps={install.steps} />
          {/* The steps show it; this says it. */}
          <VisuallyHidden role="status">{statusText(install)}</VisuallyHidden>
          {install.state === 'waiting-for-host-key' && <HostKeyQuestion install={install} />}
          {install.state === 'waiting-for-answers' && <HostQuestions install={install} />}
          {install.output.length > 0 && <Output lines={install.output} />}
          {install.problem !== null && <ProblemAlert error={new CoordinatorError(install.problem)} />}
          {install.knownHostKey !== null && <ChangedHostKey install={install} onForgotten={onAgain} />}
          {install.state === 'succeeded' && (
            <Alert color="green" variant="light" icon={<IconCircleCheck aria-hidden />} title="Installed">
              {install.steps.find(({ step }) => step === 'start')?.detail}
            </Alert>
          )}
          <Group justify="flex-end" gap="xs">
            {isUnderWay(install) && (
              <ActionButton
                variant="default"
                loading={cancel.isPending}
                onClick={() =>
                  cancel.mutate(undefined, {
                    onError: (error) => toastProblem('The installation could not be cancelled', error),
                  })
                }
              >
                Cancel installation
              </ActionButton>
            )}
            {install.state === 'failed' && (
              <Button variant="default" onClick={onAgain}>
                Try again
              </Button>
            )}
            <Button onClick={onClose}>{install.endedAt === null ? 'Close, it goes on' : 'Close'}</Button>
          </Group>
        </Stack>
      )}
    </DataState>
  );
}

/** Whether there is still something to cancel: after a step that failed it only cleans up. */
function isUnderWay({ endedAt, steps }: SshInstall): boolean {
  return endedAt === null && steps.every(({ state }) => state !== 'failed');
}

function placeText({ where, host, port, user }: SshInstall): string {
  if (where === 'here') return `On this computer (${host}), as ${user}`;
  return `${user}@${host}${port === 22 ? '' : `, port ${port}`}`;
}

function Output({ lines }: { lines: readonly string[] }) {
  const view = useRef<HTMLDivElement>(null);
  const last = lines.at(-1);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new last line is what it goes to
  useEffect(() => {
    view.current?.scrollTo({ top: view.current.scrollHeight });
  }, [last, lines.length]);
  return (
    <ScrollArea.Autosize
      mah={104}
      type="auto"
      viewportRef={view}
      viewportProps={{ tabIndex: 0, 'aria-label': 'What the host printed' }}
    >
      <Code block fz={12}>
        {lines.join('\n')}
      </Code>
    </ScrollArea.Autosize>
  );
}

function statusText({ state, steps }: SshInstall): string {
  if (state === 'waiting-for-host-key') return 'It waits for you to compare the host key.';
  if (state === 'waiting-for-answers') return 'The host asks something.';
  if (state === 'succeeded') return 'It has ended well.';
  if (state === 'failed') return 'It has failed.';
  return steps.findLast((step) => step.state === 'running')?.detail ?? 'It goes on…';
}
