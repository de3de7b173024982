import { ActionIcon, Badge, Tooltip, UnstyledButton } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconCopy, IconGripVertical, IconTrash } from '@tabler/icons-react';
import type { DragEvent, KeyboardEvent, ReactNode } from 'react';
import { stepLabel } from '../../protocol/operation.ts';
import type { StepDraft } from './job-draft.ts';
import classes from './jobs.module.css';

export interface StepCardProps {
  readonly step: StepDraft;
  readonly index: number;
  readonly count: number;
  readonly open: boolean;
  readonly invalid: boolean;
  readonly onToggle: () => void;
  /** Puts the step at another place, from 0. */
  readonly onMove: (to: number) => void;
  readonly onDuplicate: () => void;
  readonly onRemove: () => void;
  /** This card is being dragged. */
  readonly dragged: boolean;
  /** Where the dragged card would go, seen from this one. */
  readonly dropping: 'before' | 'after' | null;
  readonly onDragStart: (event: DragEvent) => void;
  readonly onDragEnd: () => void;
  readonly onDragOver: (event: DragEvent) => void;
  readonly onDrop: (event: DragEvent) => void;
  readonly children: ReactNode;
}

/** One step of the workflow: a head to move, open and remove it by, and its form. */
export function StepCard(props: StepCardProps) {
  const { step, index, count, open, invalid, onToggle, onMove, dragged, dropping } = props;
  const number = index + 1;
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: count - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to >= 0 && to < count && to !== index) onMove(to);
  };
  return (
    <li
      className={classes.card}
      data-dragged={dragged || undefined}
      data-dropping={dropping ?? undefined}
      data-invalid={invalid || undefined}
      onDragOver={props.onDragOver}
      onDrop={props.onDrop}
    >
      <div className={classes.cardHead}>
        <Tooltip label="Drag to move, or use the arrow keys">
          <UnstyledButton
            className={classes.handle}
            draggable
            onDragStart={props.onDragStart}
            onDragEnd={props.onDragEnd}
            onKeyDown={onKeyDown}
            aria-label={`Move step ${number}: arrow keys`}
            data-step-handle={step.key}
          >
            <IconGripVertical size={16} aria-hidden />
          </UnstyledButton>
        </Tooltip>
        <Badge variant="default" size="sm">
          {step.type === 'command' ? 'Command' : 'Script'}
        </Badge>
        <UnstyledButton className={classes.cardTitle} aria-expanded={open} onClick={onToggle}>
          {number}. {stepLabel(step) || (step.type === 'command' ? 'New command' : 'New script')}
        </UnstyledButton>
        <CardButton label={`Move step ${number} up`} off={index === 0} onClick={() => onMove(index - 1)}>
          <IconArrowUp size={16} aria-hidden />
        </CardButton>
        <CardButton label={`Move step ${number} down`} off={index === count - 1} onClick={() => onMove(index + 1)}>
          <IconArrowDown size={16} aria-hidden />
        </CardButton>
        <CardButton label={`Duplicate step ${number}`} onClick={props.onDuplicate}>
          <IconCopy size={16} aria-hidden />
        </CardButton>
        <CardButton label={`Remove step ${number}`} off={count === 1} onClick={props.onRemove}>
          <IconTrash size={16} aria-hidden />
        </CardButton>
      </div>
      {open && <div className={classes.cardBody}>{props.children}</div>}
    </li>
  );
}

interface CardButtonProps {
  readonly label: string;
  readonly off?: boolean;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

function CardButton({ label, off = false, onClick, children }: CardButtonProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        aria-label={label}
        className={off ? classes.off : undefined}
        aria-disabled={off}
        onClick={off ? undefined : onClick}
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
