import { create } from 'zustand';
import { persist } from 'zustand/middleware';

/** How this person wants to read output; kept over a reload. */
interface OutputSettings {
  readonly wrap: boolean;
  readonly timestamps: boolean;
}

export const outputSettings = create<OutputSettings>()(
  persist((): OutputSettings => ({ wrap: false, timestamps: false }), { name: 'outrunner.output', version: 1 }),
);

export function setOutputSettings(change: Partial<OutputSettings>): void {
  outputSettings.setState(change);
}
