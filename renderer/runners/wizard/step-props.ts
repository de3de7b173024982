import type { Draft } from './draft-store.ts';

/** What every step of the wizard gets. */
export interface StepProps {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
  readonly onCancel: () => void;
}
