import { Alert, Button, Center, Loader, Stack, Text } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useEffectEvent, useState } from 'react';
import { NewRunnerSchema, type Runner } from '../../../protocol/api/runners.ts';
import { fieldsOf, OutrunnerError } from '../../../protocol/problems.ts';
import { asOutrunnerError } from '../../api/coordinator-error.ts';
import { runnerMutations, runnerQueries } from '../../api/runner-queries.ts';
import { DataState } from '../../ui/data-state.tsx';
import { ProblemAlert } from '../../ui/problem-alert.tsx';
import { NO_CONNECTION } from '../install/connection-fields.tsx';
import { PackagePanel } from '../package-panel.tsx';
import { SshInstallButton } from '../ssh-install/ssh-install-button.tsx';
import { WhatHappensNext } from '../what-happens-next.tsx';
import { draftBody, stepOfField } from './draft-problems.ts';
import type { StepProps } from './step-props.ts';
import classes from './wizard.module.css';
import { WizardFoot } from './wizard-foot.tsx';

/** Step 3: the Runner is created when this step is entered, once; then its package, and what becomes of it. */
export function ConfirmationStep(props: StepProps & { onComplete: () => void }) {
  const { runnerId } = props.draft;
  return runnerId === null ? <Creating {...props} /> : <Created {...props} runnerId={runnerId} />;
}

function Creating({ draft, change, onCancel }: StepProps) {
  const creation = useMutation(runnerMutations.create());
  const enter = useEffectEvent(() => {
    if (!creation.isIdle) return;
    create();
  });
  useEffect(() => enter(), []);

  /** The key of the draft makes a repetition harmless: a reload in the middle, or a retry, finds the same Runner. */
  function create() {
    const body = NewRunnerSchema.safeParse(draftBody(draft));
    if (!body.success) {
      // A stored draft of another version may no longer be valid: back to where it can be corrected.
      const [first] = fieldsOf(body.error);
      change({ step: stepOfField(first?.path ?? '') });
      return;
    }
    creation.mutate(
      { runner: body.data, idempotencyKey: draft.idempotencyKey },
      { onSuccess: ({ runner }) => change({ runnerId: runner.id }) },
    );
  }
  /** What is corrected is another request, so it needs another key. */
  const back = () => {
    const path = creation.error instanceof OutrunnerError ? creation.error.fields[0]?.path : undefined;
    const named = path === undefined ? 1 : stepOfField(path);
    const nameTaken = creation.error && asOutrunnerError(creation.error).code === 'name-taken';
    change({ step: nameTaken ? 0 : named, idempotencyKey: crypto.randomUUID() });
  };

  if (creation.error) {
    return (
      <>
        <ProblemAlert error={creation.error} onRetry={create} />
        <WizardFoot onCancel={onCancel} onBack={back}>
          {null}
        </WizardFoot>
      </>
    );
  }
  return (
    <Center className={classes.panel} py="xl" aria-busy="true">
      <Stack align="center" gap="xs">
        <Loader aria-hidden />
        <Text role="status">Creating the Runner…</Text>
      </Stack>
    </Center>
  );
}

function Created({ runnerId, change, onComplete }: StepProps & { runnerId: string; onComplete: () => void }) {
  const query = useQuery(runnerQueries.detail(runnerId));
  const connection = useState(NO_CONNECTION);
  const gone = query.error !== null && asOutrunnerError(query.error).code === 'not-found';
  if (gone) {
    return (
      <>
        <Alert color="orange" title="This Runner was deleted meanwhile">
          What you filled in is still here.
        </Alert>
        <WizardFoot onCancel={onComplete}>
          <Button onClick={() => change({ step: 0, runnerId: null, idempotencyKey: crypto.randomUUID() })}>
            Start again
          </Button>
        </WizardFoot>
      </>
    );
  }
  return (
    <>
      <DataState query={query}>
        {(runner) => (
          <div className={classes.columns}>
            <Stack className={classes.panel} gap="md">
              <Alert
                color="green"
                variant="light"
                icon={<IconCircleCheck aria-hidden />}
                title="Your Runner has been successfully established."
                role="status"
              >
                <Text size="sm">
                  <b>{runner.name}</b> {nowText(runner)}
                </Text>
              </Alert>
              <PackagePanel
                runner={runner}
                connection={connection}
                blocked={runner.enrolment?.state === 'open' ? null : 'The token of this Runner is no longer open.'}
              />
              <SshInstallButton runner={runner} connection={connection[0]} />
            </Stack>
            <WhatHappensNext runner={runner} />
          </div>
        )}
      </DataState>
      <WizardFoot>
        <Button color="go" onClick={onComplete}>
          Close and Complete
        </Button>
      </WizardFoot>
    </>
  );
}

/** What the sentence about the new Runner says now. */
function nowText({ status, replicas }: Runner): string {
  if (status === 'Healthy' || status === 'Busy') return `runs on ${replicas[0]?.hostname} and takes work.`;
  if (replicas.length > 0) return `is enrolled from ${replicas[0]?.hostname}.`;
  return 'exists. Download its package and start it on the host.';
}
