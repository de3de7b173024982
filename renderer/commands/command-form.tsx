import { Group, NumberInput, SegmentedControl, Stack, Textarea } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type KeyboardEvent, useId } from 'react';
import { runnerQueries } from '../api/runner-queries.ts';
import { ScriptEditor } from '../editor/script-editor.tsx';
import { errorBelow, type FieldErrors } from '../jobs/job-draft.ts';
import { RunnerMatches } from '../jobs/runner-matches.tsx';
import { InterpreterField } from '../jobs/step-form.tsx';
import { ActionButton } from '../ui/action-button.tsx';
import { TagInput } from '../ui/tag-input.tsx';
import { CommandAdvanced } from './command-advanced.tsx';
import type { CommandDraft } from './command-draft.ts';
import classes from './commands.module.css';

interface Props {
  readonly project: string;
  readonly draft: CommandDraft;
  readonly onChange: (change: Partial<CommandDraft>) => void;
  readonly errors: FieldErrors;
  readonly pending: boolean;
  readonly onRun: () => void;
}

/** What to run, with what, and where. Ctrl+Return runs it. */
export function CommandForm({ project, draft, onChange, errors, pending, onRun }: Props) {
  const id = useId();
  const known = useQuery(runnerQueries.tags());
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onRun();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    event.stopPropagation();
    onRun();
  };
  return (
    <form onSubmit={submit} onKeyDownCapture={onKeyDown} noValidate>
      <Stack gap="sm">
        <div>
          <SegmentedControl
            aria-label="What to run"
            size="xs"
            value={draft.type}
            onChange={(type) => onChange({ type: type === 'script' ? 'script' : 'command' })}
            data={[
              { value: 'command', label: 'Command' },
              { value: 'script', label: 'Script' },
            ]}
          />
        </div>
        {draft.type === 'command' ? (
          <Textarea
            id={id}
            label="Command"
            required
            autosize
            minRows={1}
            maxRows={8}
            classNames={{ input: classes.mono }}
            value={draft.command}
            onChange={(event) => onChange({ command: event.currentTarget.value })}
            error={errorBelow(errors, 'command')}
            spellCheck={false}
            autoCapitalize="off"
            autoCorrect="off"
          />
        ) : (
          <ScriptEditor
            label="Script"
            required
            value={draft.script}
            onChange={(script) => onChange({ script })}
            interpreter={draft.interpreter}
            error={errorBelow(errors, 'script') ?? errorBelow(errors, 'command')}
          />
        )}
        <Group gap="sm" align="flex-start" wrap="wrap">
          <div style={{ flex: 1, minWidth: 130 }}>
            <TagInput
              label="Runner tags"
              placeholder={draft.runnerTags.length === 0 ? 'Any Runner' : ''}
              value={draft.runnerTags}
              onChange={(runnerTags) => onChange({ runnerTags })}
              suggestions={Object.keys(known.data ?? {})}
              error={errorBelow(errors, 'runnerTags')}
            />
          </div>
          <InterpreterField
            value={draft.interpreter}
            onChange={(interpreter) => onChange({ interpreter })}
            error={errorBelow(errors, 'interpreter')}
          />
          <NumberInput
            label="Timeout (s)"
            w={100}
            value={draft.timeoutSeconds}
            onChange={(value) => onChange({ timeoutSeconds: Number(value) })}
            min={0}
            allowDecimal={false}
            placeholder="0: none"
            error={errorBelow(errors, 'timeoutSeconds')}
          />
        </Group>
        <CommandAdvanced draft={draft} onChange={onChange} errors={errors} />
        <Group justify="space-between" gap="sm">
          <RunnerMatches project={project} tags={draft.runnerTags} brief />
          <ActionButton
            type="submit"
            needs="run"
            loading={pending}
            leftSection={<IconPlayerPlay size={16} aria-hidden />}
            title="Ctrl+Return"
          >
            Run
          </ActionButton>
        </Group>
      </Stack>
    </form>
  );
}
