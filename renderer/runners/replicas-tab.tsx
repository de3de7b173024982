import { Button, Group, Stack, Text } from '@mantine/core';
import { IconServerOff } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Replica, Runner } from '../../protocol/api/runners.ts';
import { runnerMutations } from '../api/runner-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { EmptyState } from '../ui/empty-state.tsx';
import { Facts } from '../ui/facts.tsx';
import { Section } from '../ui/section.tsx';
import { toastDone } from '../ui/toast.tsx';
import { useDialog } from '../ui/use-dialog.ts';
import { replicaFacts } from './replica-facts.tsx';
import { type RunnerDialog, RunnerDialogs } from './runner-dialogs.tsx';

/** The processes that run this Runner, each with its own identity. */
export function ReplicasTab({ runner }: { runner: Runner }) {
  const [retiring, setRetiring] = useState<Replica | null>(null);
  const dialog = useDialog<RunnerDialog>();
  const retire = useMutation(runnerMutations.retireReplica());
  const close = () => {
    retire.reset();
    setRetiring(null);
  };
  const dialogs = <RunnerDialogs runner={runner} open={dialog.name} onClose={dialog.close} />;

  if (runner.replicas.length === 0) {
    return (
      <>
        <EmptyState
          icon={<IconServerOff size={28} />}
          title="No replica yet"
          action={<ActionButton onClick={() => dialog.open('download')}>Download</ActionButton>}
        >
          A replica is one process of this Runner on one host. Download the package and start it there.
        </EmptyState>
        {dialogs}
      </>
    );
  }
  return (
    <Stack gap="md">
      {runner.replicaMode !== 'single' && (
        <Group>
          <ActionButton variant="default" onClick={() => dialog.open('download')}>
            Add a replica
          </ActionButton>
        </Group>
      )}
      {runner.replicas.map((replica) => (
        <Section
          key={replica.id}
          title={replica.hostname}
          action={
            <Button size="compact-sm" variant="default" onClick={() => setRetiring(replica)}>
              Retire
            </Button>
          }
        >
          <Facts
            facts={[
              {
                term: 'Operations',
                value: `${replica.running} running, ${replica.queued} queued, at most ${replica.maximum}`,
              },
              ...replicaFacts(replica),
            ]}
          />
        </Section>
      ))}
      {dialogs}
      <ConfirmDialog
        opened={retiring !== null}
        title={`Retire the replica on ${retiring?.hostname ?? ''}?`}
        confirm="Retire replica"
        dangerous
        pending={retire.isPending}
        error={retire.error}
        onClose={close}
        onConfirm={() => {
          if (retiring === null) return;
          retire.mutate(
            { id: runner.id, replicaId: retiring.id },
            {
              onSuccess: () => {
                toastDone(`The replica on ${retiring.hostname} was retired`);
                close();
              },
            },
          );
        }}
      >
        Its identity is revoked: the agent there ends and cannot come back.
        {retiring !== null && retiring.running > 0 && (
          <Text span inherit fw={600} display="block" mt="xs">
            {retiring.running} {retiring.running === 1 ? 'operation runs' : 'operations run'} there and will end as
            lost.
          </Text>
        )}
      </ConfirmDialog>
    </Stack>
  );
}
