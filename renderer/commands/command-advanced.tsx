import { Button, Collapse, Stack, Text } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useId, useState } from 'react';
import { errorBelow, type FieldErrors } from '../jobs/job-draft.ts';
import { OutputLimitFields } from '../jobs/output-limit-fields.tsx';
import { outputLimitText } from '../jobs/output-limit-text.ts';
import { PriorityInput } from '../jobs/priority-input.tsx';
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
  const [opened, setOpened] = useState(false);
  const id = useId();
  const open = opened || wrong;
  const Chevron = open ? IconChevronDown : IconChevronRight;
  const set = [
    priority === 0 ? '' : `priority ${priority}`,
    outputLimit.bytes === 0 && outputLimit.lines === 0 ? '' : `at most ${outputLimitText(outputLimit)}`,
  ].filter((part) => part !== '');
  return (
    <div>
      <Button
        variant="subtle"
        color="gray"
        size="compact-sm"
        leftSection={<Chevron size={15} aria-hidden />}
        onClick={() => setOpened(!open)}
        aria-expanded={open}
        aria-controls={id}
        ml={-8}
      >
        Advanced
      </Button>
      {!open && set.length > 0 && (
        <Text span size="xs" c="dimmed">
          {set.join(' · ')}
        </Text>
      )}
      <Collapse expanded={open} id={id} transitionDuration={0}>
        <Stack gap="md" pt="xs">
          <PriorityInput
            value={priority}
            onChange={(next) => onChange({ priority: next })}
            error={errorBelow(errors, 'priority')}
          />
          <OutputLimitFields value={outputLimit} onChange={(next) => onChange({ outputLimit: next })} errors={errors} />
        </Stack>
      </Collapse>
    </div>
  );
}
