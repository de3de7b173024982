import { Stack } from '@mantine/core';
import { errorBelow, type FieldErrors } from '../jobs/job-draft.ts';
import { OutputLimitFields } from '../jobs/output-limit-fields.tsx';
import { outputLimitText } from '../jobs/output-limit-text.ts';
import { PriorityInput } from '../jobs/priority-input.tsx';
import { Folded } from '../ui/folded.tsx';
import type { CommandDraft } from './command-draft.ts';

interface Props {
  readonly draft: CommandDraft;
  readonly onChange: (change: Partial<CommandDraft>) => void;
  readonly errors: FieldErrors;
}

/** What few commands need: priority and output limit. Folded, and then it says what is set. */
export function CommandAdvanced({ draft, onChange, errors }: Props) {
  const { priority, outputLimit } = draft;
  const wrong = ['priority', 'outputLimit'].some((path) => errorBelow(errors, path) !== undefined);
  const set = [
    priority === 0 ? '' : `priority ${priority}`,
    outputLimit.bytes === 0 && outputLimit.lines === 0 ? '' : `at most ${outputLimitText(outputLimit)}`,
  ].filter((part) => part !== '');
  return (
    <Folded label="Advanced" forced={wrong} hint={set.join(' · ')}>
      <Stack gap="md" pt="xs">
        <PriorityInput
          value={priority}
          onChange={(next) => onChange({ priority: next })}
          error={errorBelow(errors, 'priority')}
        />
        <OutputLimitFields value={outputLimit} onChange={(next) => onChange({ outputLimit: next })} errors={errors} />
      </Stack>
    </Folded>
  );
}
