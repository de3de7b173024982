import { Button, Group, VisuallyHidden } from '@mantine/core';
import { IconCode, IconTerminal2 } from '@tabler/icons-react';
import { type DragEvent, useEffect, useRef, useState } from 'react';
import type { Step } from '../../protocol/operation.ts';
import { errorBelow, type FieldErrors, moved, newStep, type StepDraft } from './job-draft.ts';
import classes from './jobs.module.css';
import { StepCard } from './step-card.tsx';
import { StepForm } from './step-form.tsx';

interface Props {
  readonly steps: readonly StepDraft[];
  readonly onChange: (steps: StepDraft[]) => void;
  readonly errors: FieldErrors;
}

/** The steps in their order: added, removed, and moved by buttons, by dragging, or with the arrow keys on a handle. */
export function WorkflowTab({ steps, onChange, errors }: Props) {
  // Few steps are all open; of many, each is opened when it is wanted.
  const [open, setOpen] = useState<ReadonlySet<string>>(
    () => new Set(steps.length <= 3 ? steps.map(({ key }) => key) : []),
  );
  const [dragged, setDragged] = useState<string | null>(null);
  const [drop, setDrop] = useState<{ key: string; side: 'before' | 'after' } | null>(null);
  const [said, setSaid] = useState('');
  const list = useRef<HTMLOListElement>(null);
  const focusNext = useRef<string | null>(null);

  // A moved step is another place in the list: the handle that was pressed keeps the focus.
  useEffect(() => {
    if (focusNext.current === null) return;
    list.current?.querySelector<HTMLElement>(`[data-step-handle="${focusNext.current}"]`)?.focus();
    focusNext.current = null;
  });

  const openAlso = (key: string) => setOpen(new Set([...open, key]));
  const move = (from: number, to: number, keepFocus: boolean) => {
    const step = steps[from];
    if (step === undefined || from === to) return;
    if (keepFocus) focusNext.current = step.key;
    onChange(moved(steps, from, to));
    setSaid(`Step ${from + 1} is now step ${to + 1} of ${steps.length}.`);
  };
  const add = (type: Step['type']) => {
    const step = newStep(type);
    onChange([...steps, step]);
    openAlso(step.key);
  };

  const onDragOver = (event: DragEvent, key: string) => {
    if (dragged === null) return;
    event.preventDefault();
    const { top, height } = event.currentTarget.getBoundingClientRect();
    setDrop({ key, side: event.clientY < top + height / 2 ? 'before' : 'after' });
  };
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    const from = steps.findIndex(({ key }) => key === dragged);
    const target = steps.findIndex(({ key }) => key === drop?.key);
    if (from !== -1 && target !== -1) {
      const place = drop?.side === 'after' ? target + 1 : target;
      move(from, place > from ? place - 1 : place, false);
    }
    setDragged(null);
    setDrop(null);
  };

  return (
    <>
      <ol className={classes.steps} ref={list}>
        {steps.map((step, index) => {
          const path = `workflow.steps.${index}`;
          return (
            <StepCard
              key={step.key}
              step={step}
              index={index}
              count={steps.length}
              open={open.has(step.key)}
              invalid={errorBelow(errors, path) !== undefined}
              onToggle={() => {
                const next = new Set(open);
                if (!next.delete(step.key)) next.add(step.key);
                setOpen(next);
              }}
              onMove={(to) => move(index, to, true)}
              onDuplicate={() => {
                const copy = { ...step, key: newStep(step.type).key };
                onChange([...steps.slice(0, index + 1), copy, ...steps.slice(index + 1)]);
                openAlso(copy.key);
              }}
              onRemove={() => {
                onChange(steps.filter(({ key }) => key !== step.key));
                setSaid(`Step ${index + 1} was removed.`);
              }}
              dragged={dragged === step.key}
              dropping={drop?.key === step.key && dragged !== step.key ? drop.side : null}
              onDragStart={(event) => {
                event.dataTransfer.effectAllowed = 'move';
                event.dataTransfer.setData('text/plain', `Step ${index + 1}`);
                setDragged(step.key);
              }}
              onDragEnd={() => {
                setDragged(null);
                setDrop(null);
              }}
              onDragOver={(event) => onDragOver(event, step.key)}
              onDrop={onDrop}
            >
              <StepForm
                step={step}
                path={path}
                errors={errors}
                onChange={(change) =>
                  onChange(steps.map((one) => (one.key === step.key ? { ...one, ...change } : one)))
                }
              />
            </StepCard>
          );
        })}
      </ol>
      <Group gap="xs">
        <Button variant="default" leftSection={<IconTerminal2 size={16} aria-hidden />} onClick={() => add('command')}>
          Add command
        </Button>
        <Button variant="default" leftSection={<IconCode size={16} aria-hidden />} onClick={() => add('script')}>
          Add script
        </Button>
      </Group>
      <VisuallyHidden role="status">{said}</VisuallyHidden>
    </>
  );
}
