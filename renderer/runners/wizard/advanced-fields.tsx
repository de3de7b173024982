import { NumberInput, Radio, Stack } from '@mantine/core';
import { ReplicaModeSchema } from '../../../protocol/api/runners.ts';
import { Folded } from '../../ui/folded.tsx';
import type { Draft } from './draft-store.ts';

interface Props {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
  readonly errors: Readonly<Record<string, string | undefined>>;
}

const REPLICAS = {
  single: { label: 'One', description: 'One process on one host.' },
  several: { label: 'Several', description: 'Several hosts share its work; each is installed by itself.' },
  ephemeral: {
    label: 'Ephemeral',
    description: 'Replicas come and go, as in a container platform; those that are gone leave the list by themselves.',
  },
} as const;

/** What few people need to change; folded away. */
export function AdvancedFields({ draft, change, errors }: Props) {
  const wrong = Boolean(errors.maxOperations ?? errors.replicas ?? errors.tokenHours);
  return (
    <Folded label="Advanced" forced={wrong}>
      <Stack gap="md" pt="sm">
        <NumberInput
          label="Maximum operations"
          description="Operations that it runs at the same time; more wait for their turn."
          value={draft.maxOperations}
          onChange={(maxOperations) => change({ maxOperations })}
          allowDecimal={false}
          allowNegative={false}
          min={1}
          max={1000}
          clampBehavior="none"
          error={errors.maxOperations}
          maw={240}
        />
        <Radio.Group
          label="Replicas"
          value={draft.replicas}
          onChange={(value) => change({ replicas: ReplicaModeSchema.parse(value) })}
          error={errors.replicas}
        >
          <Stack gap={8} mt={6}>
            {ReplicaModeSchema.options.map((mode) => (
              <Radio key={mode} value={mode} size="xs" {...REPLICAS[mode]} />
            ))}
          </Stack>
        </Radio.Group>
        <NumberInput
          label="Token lifetime"
          description="Hours in which the downloaded package can be started for the first time."
          value={draft.tokenHours}
          onChange={(tokenHours) => change({ tokenHours })}
          allowNegative={false}
          min={0.01}
          max={720}
          clampBehavior="none"
          suffix=" h"
          error={errors.tokenHours}
          maw={240}
        />
      </Stack>
    </Folded>
  );
}
