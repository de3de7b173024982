import { Alert, Group, Modal, NumberInput, Radio, Stack, Switch, Text, TextInput } from '@mantine/core';
import { IconFlask } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useMemo, useState } from 'react';
import type { Runner } from '../../protocol/api/runners.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { versionOrder } from '../../protocol/version-state.ts';
import { packageQueries } from '../api/package-queries.ts';
import { upgradeMutations } from '../api/upgrade-queries.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { DataState } from '../ui/data-state.tsx';
import { fieldErrors } from '../ui/field-errors.ts';
import { ProblemAlert } from '../ui/problem-alert.tsx';
import { toastDone } from '../ui/toast.tsx';
import { CandidateList } from './candidate-list.tsx';
import { candidatesOf } from './candidates.ts';
import { type RingChoice, ringParts, ringSizes } from './ring-choice.ts';
import { replicaCount } from './upgrade-look.ts';
import type { HandedOut } from './use-handed-out.ts';
import { useInHand } from './use-in-hand.ts';

interface Props {
  readonly runners: readonly Runner[];
  readonly opened: boolean;
  readonly onClose: () => void;
}

/** Orders the version that is handed out for the agents of these Runners: who gets it, in which rings, and how gently. */
export function UpgradeDialog({ runners, opened, onClose }: Props) {
  const [only, ...others] = runners;
  const title =
    only !== undefined && others.length === 0 ? `Upgrade ${only.name}` : `Upgrade ${runners.length} Runners`;
  return (
    <Modal opened={opened} onClose={onClose} title={title} size="620px">
      <Loaded runners={runners} onDone={onClose} />
    </Modal>
  );
}

function Loaded({ runners, onDone }: { runners: readonly Runner[]; onDone: () => void }) {
  // What is handed out may have changed since it was last looked at.
  const release = useQuery({ ...packageQueries.list(), refetchOnMount: 'always' });
  return (
    <DataState query={release}>
      {({ version, development }) =>
        version === null ? (
          <Text size="sm">
            No agent is built here, so there is no version to upgrade to. Build one with{' '}
            <code>npm run build:agents</code>.
          </Text>
        ) : (
          <Form runners={runners} handedOut={{ version, development }} onDone={onDone} />
        )
      }
    </DataState>
  );
}

interface FormProps {
  readonly runners: readonly Runner[];
  readonly handedOut: HandedOut & { readonly version: string };
  readonly onDone: () => void;
}

function Form({ runners, handedOut: { version, development }, onDone }: FormProps) {
  const navigate = useNavigate();
  const create = useMutation(upgradeMutations.create());
  const inHand = useInHand();
  const [choice, setChoice] = useState<RingChoice>('all');
  const [own, setOwn] = useState('10, 50, 100');
  const [minutes, setMinutes] = useState<number | string>(60);
  const [allowDowngrade, setAllowDowngrade] = useState(false);
  const candidates = useMemo(
    () => candidatesOf(runners, version, allowDowngrade, inHand),
    [runners, version, allowDowngrade, inHand],
  );
  const { taken, left } = candidates;
  const rings = ringParts(taken.length > 1 ? choice : 'all', taken.length, own);
  const errors = fieldErrors(create.error instanceof OutrunnerError ? create.error.fields : []);
  const hasNewer = runners.some(({ replicas }) =>
    replicas.some((one) => versionOrder(one.version, version) === 'newer'),
  );

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const upgrade = {
      runners: [...candidates.runners],
      rings,
      allowDowngrade,
      waitSeconds: Math.round(Number(minutes) * 60),
    };
    create.mutate(
      { upgrade, idempotencyKey: crypto.randomUUID() },
      {
        onSuccess: ({ id, replicas }) => {
          toastDone(`The upgrade of ${replicaCount(replicas.length)} to ${version} has begun`);
          onDone();
          void navigate({ to: '/upgrades/$id', params: { id } });
        },
      },
    );
  };

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        {development && (
          <Alert color="orange" variant="light" p="xs" icon={<IconFlask size={18} aria-hidden />}>
            {version} is a development build: signed with a key of the machine that built it, not a release.
          </Alert>
        )}
        <CandidateList candidates={candidates} version={version} />
        {hasNewer && (
          <Switch
            label={`Downgrade to ${version} where a newer version is in use`}
            description="An older agent may lack what the newer one has done to its data. Do this only to leave a bad version."
            checked={allowDowngrade}
            onChange={(event) => setAllowDowngrade(event.currentTarget.checked)}
            error={errors.allowDowngrade}
          />
        )}
        {taken.length > 1 && (
          <Rings
            choice={choice}
            onChoice={setChoice}
            own={own}
            onOwn={setOwn}
            error={errors.rings}
            sizes={ringSizes(rings, taken.length)}
          />
        )}
        {taken.length > 0 && (
          <NumberInput
            label="Wait for running work, in minutes"
            description="The agent takes nothing new and lets finish what runs. After this time the replica fails and keeps its version; nothing is stopped."
            value={minutes}
            onChange={setMinutes}
            error={errors.waitSeconds}
            min={0}
            clampBehavior="none"
            allowNegative={false}
            w={340}
          />
        )}
        {create.error && <ProblemAlert error={create.error} shownFields={(path) => isShown(path, taken.length)} />}
        <Group justify="flex-end">
          <ActionButton
            type="submit"
            loading={create.isPending}
            blocked={taken.length === 0 ? whyNothing(left.length, hasNewer && !allowDowngrade) : null}
          >
            {taken.length > 1 ? `Upgrade ${replicaCount(taken.length)}` : 'Upgrade'}
          </ActionButton>
        </Group>
      </Stack>
    </form>
  );
}

function isShown(path: string, count: number): boolean {
  return path === 'waitSeconds' || (count > 1 && path.startsWith('rings'));
}

function whyNothing(left: number, onlySwitch: boolean): string {
  if (left === 0) return 'Every agent here has this version already.';
  return onlySwitch
    ? 'A newer version is replaced only when you say so above.'
    : 'None of these agents can be upgraded now.';
}

interface RingsProps {
  readonly choice: RingChoice;
  readonly onChoice: (choice: RingChoice) => void;
  readonly own: string;
  readonly onOwn: (own: string) => void;
  readonly error: string | undefined;
  readonly sizes: readonly number[] | null;
}

function Rings({ choice, onChoice, own, onOwn, error, sizes }: RingsProps) {
  return (
    <Radio.Group
      label="Rings"
      description="A ring begins when the one before is well; when an agent fails, the upgrade pauses after its ring."
      value={choice}
      onChange={(value) => onChoice(value as RingChoice)}
      error={choice === 'own' ? undefined : error}
    >
      <Stack gap={6} mt={6}>
        <Radio value="all" label="All at once" />
        <Radio value="careful" label="Careful: one first, then a quarter, then the rest" />
        <Radio value="own" label="Percentages of my own" />
        {choice === 'own' && (
          <TextInput
            aria-label="Percentages at the end of each ring"
            description="How many percent have been upgraded at the end of each ring; the last is 100."
            value={own}
            onChange={(event) => onOwn(event.currentTarget.value)}
            error={error}
            ml={28}
            w={312}
          />
        )}
        {sizes !== null && sizes.length > 1 && (
          <Text size="sm" c="dimmed" ml={28} role="status">
            {sizes.map((size, at) => `Ring ${at + 1}: ${replicaCount(size)}`).join(' · ')}
          </Text>
        )}
      </Stack>
    </Radio.Group>
  );
}
