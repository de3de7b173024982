import { Button, Stack, Text } from '@mantine/core';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { fieldErrors } from '../../ui/field-errors.ts';
import { DetailFields } from '../detail-fields.tsx';
import { useNameClash } from '../use-name-clash.ts';
import { AdvancedFields } from './advanced-fields.tsx';
import { draftProblems, stepOfField } from './draft-problems.ts';
import type { StepProps } from './step-props.ts';
import classes from './wizard.module.css';
import { WizardFoot } from './wizard-foot.tsx';

/** Step 1: what the Runner is called, what it is for, and its tags. */
export function DetailsStep({ draft, change, onCancel }: StepProps) {
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set());
  const [tried, setTried] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const clash = useNameClash(draft.name);
  const problems = draftProblems(draft).filter(({ path }) => stepOfField(path) === 0);
  // A field complains once it was left, not while it is being filled in for the first time.
  const errors = fieldErrors(problems.filter(({ path }) => tried || left.has(path.split('.')[0] ?? '')));

  useEffect(() => form.current?.querySelector<HTMLElement>('input')?.focus({ preventScroll: true }), []);

  const leave = (field: string, next: EventTarget | null) => {
    // A sentence that appears between the press and the release of a button would move it away from under the pointer;
    // Next says what is missing by itself.
    if (!(next instanceof HTMLButtonElement)) setLeft(new Set([...left, field]));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (problems.length === 0 && clash === null) {
      change({ step: 1 });
      return;
    }
    // The errors are drawn first; then the first field that has one gets the focus.
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  };

  return (
    <form ref={form} onSubmit={submit} noValidate className={classes.form}>
      <div className={classes.panel}>
        <Stack gap="md" className={classes.fields}>
          <Text c="dimmed" size="sm">
            Create a Runner that can receive work.
          </Text>
          <DetailFields
            value={draft}
            onChange={change}
            onLeave={leave}
            errors={{ ...errors, ...(clash === null ? {} : { name: clash }) }}
          />
          <AdvancedFields draft={draft} change={change} errors={errors} />
        </Stack>
      </div>
      <WizardFoot onCancel={onCancel}>
        <Button type="submit" color="go">
          Next
        </Button>
      </WizardFoot>
    </form>
  );
}
