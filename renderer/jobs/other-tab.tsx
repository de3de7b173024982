import { NumberInput, Stack, Switch } from '@mantine/core';
import { durationText } from '../ui/time-text.ts';
import { errorBelow, type FieldErrors, type JobDraft } from './job-draft.ts';

interface Props {
  readonly draft: JobDraft;
  readonly onChange: (change: Partial<JobDraft>) => void;
  readonly errors: FieldErrors;
}

/** What happens when a step fails, and how long things may take. */
export function OtherTab({ draft, onChange, errors }: Props) {
  return (
    <Stack gap="md" maw={520}>
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
        label="Waiting time"
        description="How long it waits for a Runner before it fails and says why."
        value={draft.queueSeconds}
        onChange={(queueSeconds) => onChange({ queueSeconds })}
        error={errorBelow(errors, 'queueSeconds')}
      />
      <Seconds
        label="Lease"
        description="Without a sign of the agent for this long, a running execution counts as lost."
        value={draft.leaseSeconds}
        onChange={(leaseSeconds) => onChange({ leaseSeconds })}
        error={errorBelow(errors, 'leaseSeconds')}
      />
      <Seconds
        label="Grace"
        description="Between asking the processes to stop and ending them by force."
        none="None: by force at once"
        value={draft.graceSeconds}
        onChange={(graceSeconds) => onChange({ graceSeconds })}
        error={errorBelow(errors, 'graceSeconds')}
      />
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
