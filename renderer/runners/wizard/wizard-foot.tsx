import { Button, Group } from '@mantine/core';
import type { ReactNode } from 'react';
import classes from './wizard.module.css';

interface Props {
  readonly onCancel?: () => void;
  readonly onBack?: () => void;
  /** Next, or what ends the wizard. */
  readonly children: ReactNode;
}

/** Cancel at the left; Back and Next at the right. */
export function WizardFoot({ onCancel, onBack, children }: Props) {
  return (
    <div className={classes.foot}>
      <div>
        {onCancel && (
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
        )}
      </div>
      <Group gap="xs">
        {onBack && (
          <Button variant="default" onClick={onBack}>
            Back
          </Button>
        )}
        {children}
      </Group>
    </div>
  );
}
