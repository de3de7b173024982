/** Units in which a person gives a number of bytes, in steps of 1000, as `byteSize` shows them. */
export const SIZE_UNITS = ['kB', 'MB', 'GB'] as const;
export type SizeUnit = (typeof SIZE_UNITS)[number];

const BYTES: Readonly<Record<SizeUnit, number>> = { kB: 1e3, MB: 1e6, GB: 1e9 };

export interface Size {
  readonly amount: number;
  readonly unit: SizeUnit;
}

/** Whole bytes of so many of a unit; what is no number stays none, so that a rule can say so. */
export function bytesOf({ amount, unit }: Size): number {
  return Math.round(amount * BYTES[unit]);
}

/** A number of bytes in the largest unit that keeps it above 1, as it would be typed. Exact: {@link bytesOf} gives it back. */
export function sizeOf(bytes: number): Size {
  const unit = [...SIZE_UNITS].reverse().find((one) => bytes >= BYTES[one]) ?? (bytes === 0 ? 'MB' : 'kB');
  return { amount: bytes / BYTES[unit], unit };
}
