import type { BehindReason, BehindReplica, Trust } from '../../protocol/api/trust.ts';

/** What a reason means to a person, and what has to be done about it. */
export const BEHIND_WORDS: Record<
  BehindReason,
  { readonly word: string; readonly todo: string; readonly bad: boolean }
> = {
  unable: {
    word: 'Cannot learn it',
    todo: 'Its version knows one key for good. Upgrade it, or download it again.',
    bad: true,
  },
  refused: { word: 'Does not use it', todo: '', bad: true },
  told: { word: 'Told', todo: 'It has not answered yet.', bad: false },
  away: { word: 'Not connected', todo: 'It learns it by itself when it is back.', bad: false },
};

/** What stands beside the word: what the replica said, else what to do. */
export function behindDetail({ reason, detail }: BehindReplica): string {
  return [detail, BEHIND_WORDS[reason].todo].filter((text) => text !== '').join(' ');
}

/** How many do not know yet what holds now. */
export function behindCount({ replicas: { total, current } }: Trust): number {
  return total - current;
}
