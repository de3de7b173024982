import { Alert, Stack, Text } from '@mantine/core';
import { IconShieldX } from '@tabler/icons-react';
import type { Refusal } from '../../protocol/enrolment.ts';
import { PROBLEMS, ProblemCodeSchema } from '../../protocol/problems.ts';
import { RelativeTime } from '../ui/relative-time.tsx';

/** Connections and enrolments that the coordinator turned away: from where, why, and what to do. */
export function RefusalList({ refusals }: { refusals: readonly Refusal[] }) {
  return (
    <Stack gap="xs">
      {refusals.map((refusal) => {
        const code = ProblemCodeSchema.safeParse(refusal.code);
        const todo = refusal.problem?.todo ?? (code.success ? PROBLEMS[code.data].todo : null);
        return (
          <Alert
            key={`${refusal.at} ${refusal.code}`}
            color="red"
            variant="light"
            p="xs"
            icon={<IconShieldX size={18} aria-hidden />}
          >
            <Text size="sm">
              A connection from {refusal.address} was refused: {refusal.detail}
            </Text>
            {todo && <Text size="sm">{todo}</Text>}
            <Text size="xs" c="dimmed">
              <RelativeTime at={refusal.at} />
            </Text>
          </Alert>
        );
      })}
    </Stack>
  );
}
