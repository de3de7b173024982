import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { RunnerNameSchema, sameNameKey } from '../../protocol/fields.ts';
import { runnerQueries } from '../api/runner-queries.ts';

const TYPING_PAUSE_MS = 250;

/**
 * While a name is typed: the sentence that says which Runner has it already, or null. `own` is the Runner that may keep
 * its name.
 */
export function useNameClash(name: string, own?: string): string | null {
  const [settled] = useDebouncedValue(name, TYPING_PAUSE_MS);
  const valid = RunnerNameSchema.safeParse(settled).success;
  const check = useQuery({ ...runnerQueries.name(settled.trim()), enabled: valid });
  // The answer is about what was typed a moment ago; it says nothing about a name that is different by now.
  if (!valid || sameNameKey(settled) !== sameNameKey(name) || !check.data?.runner) return null;
  const { runner } = check.data;
  return runner.id === own ? null : `The name is taken by the Runner “${runner.name}”. Choose another.`;
}
