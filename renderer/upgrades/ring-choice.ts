import { ringsOf } from '../../protocol/upgrade-rings.ts';

export const RING_CHOICES = ['all', 'careful', 'own'] as const;
export type RingChoice = (typeof RING_CHOICES)[number];

/** Parts in percent, as the API takes them. `own` is what was typed: whatever is no number is left to the coordinator. */
export function ringParts(choice: RingChoice, replicas: number, own: string): number[] {
  if (choice === 'own') return own.split(/[\s,;%]+/).flatMap((part) => (part === '' ? [] : [Number(part)]));
  return choice === 'careful' ? carefulRings(replicas) : [100];
}

/** One first, then a quarter, then the rest. Of more than a hundred replicas the first ring is one percent: parts are whole. */
export function carefulRings(replicas: number): number[] {
  const first = Math.max(1, Math.floor(100 / Math.max(1, replicas)));
  return [...new Set([first, Math.min(100, first + 25), 100])];
}

/** How many replicas each ring will have; null when these are no parts. */
export function ringSizes(parts: readonly number[], replicas: number): number[] | null {
  const rise = parts.every((part, at) => Number.isInteger(part) && part > (parts[at - 1] ?? 0));
  if (!rise || parts.at(-1) !== 100) return null;
  const sizes: number[] = [];
  for (const ring of ringsOf(replicas, parts)) sizes[ring] = (sizes[ring] ?? 0) + 1;
  return sizes;
}
