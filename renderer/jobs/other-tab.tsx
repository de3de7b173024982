import { NumberInput, Stack, Switch, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { durationText } from '../ui/time-text.ts';
import { errorBelow, type FieldErrors, type JobDraft } from './job-draft.ts';
import { OutputLimitFields } from './output-limit-fields.tsx';
import { PriorityInput } from './priority-input.tsx';

interface Props {
  readonly draft: JobDraft;
  readonly onChange: (change: Partial<JobDraft>) => void;
  readonly errors: FieldErrors;
}

/** Who goes first, how long things may take, what happens when a step fails, and how much may be printed. */
export function OtherTab({ draft, onChange, errors }: Props) {
  return (
    <Stack gap="lg" maw={560}>
      <Part title="While it waits">
        <PriorityInput
          value={draft.priority}
          onChange={(priority) => onChange({ priority })}
          error={errorBelow(errors, 'priority')}
        />
        <Seconds
          label="Waiting time"
          description="How long it waits for a Runner before it fails and says why."
          value={draft.queueSeconds}
          onChange={(queueSeconds) => onChange({ queueSeconds })}
          error={errorBelow(errors, 'queueSeconds')}
        />
      </Part>
      <Part title="While it runs">
        <Switch
          label="Keep going when a step fails"
          description="The remaining steps run as well; the execution then counts as failed."
          checked={draft.keepGoing}
          onChange={(event) => onChange({ keepGoing: event.currentTarget.checked })}
        />
        <Seconds
          label="Timeout"
          description="The execution is stopped when it runs longer. 0: no limit."
          none="No limit"
          value={draft.timeoutSeconds}
          onChange={(timeoutSeconds) => onChange({ timeoutSeconds })}
          error={errorBelow(errors, 'workflow.timeoutSeconds')}
        />
        <Seconds
          label="Lost after"
          description="The lease: so long without a sign of the agent, and it ends as “lost”. What is lost is never run again by itself, because nobody knows how far it came. Longer lets it outlive a longer break of the network."
          value={draft.leaseSeconds}
          onChange={(leaseSeconds) => onChange({ leaseSeconds })}
          error={errorBelow(errors, 'leaseSeconds')}
        />
        <OutputLimitFields
          value={draft.outputLimit}
          onChange={(outputLimit) => onChange({ outputLimit })}
          errors={errors}
        />
      </Part>
      <Part title="When it is stopped">
        <Seconds
          label="Grace"
          description="Its processes are asked to end; those still there after this time are ended by force."
          none="None: by force at once"
          value={draft.graceSeconds}
          onChange={(graceSeconds) => onChange({ graceSeconds })}
          error={errorBelow(errors, 'graceSeconds')}
        />
      </Part>
    </Stack>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack component="section" gap="md">
      <Title order={2} size="h5">
        {title}
      </Title>
      {children}
    </Stack>
  );
}

interface SecondsProps {
  readonly label: string;
  readonly description: string;
  /** What 0 means. */
  readonly none?: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly error?: string;
}

function Seconds({ label, description, none, value, onChange, error }: SecondsProps) {
  const words = value === 0 && none !== undefined ? none : durationText(value * 1000);
  return (
    <NumberInput
      label={`${label} (seconds)`}
      description={description}
      value={value}
      // An empty field is no number: it stays 0 until one is typed, and the coordinator's rules say whether 0 will do.
      onChange={(next) => onChange(Number(next))}
      min={0}
      allowDecimal={false}
      allowNegative={false}
      clampBehavior="none"
      error={error}
      rightSection={
        <span style={{ paddingRight: 12, whiteSpace: 'nowrap', fontSize: 12, color: 'var(--outrunner-quiet)' }}>
          {Number.isFinite(value) ? words : ''}
        </span>
      }
      rightSectionWidth={190}
      rightSectionProps={{ style: { justifyContent: 'flex-end' } }}
      rightSectionPointerEvents="none"
      hideControls
      w={380}
    />
  );
}
