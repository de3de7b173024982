import { z } from 'zod';

/** Tags label Runners. They are shown as typed and compared in lower case; a selection means all of its tags (AND). */

const SEPARATORS = /[\s,;]+/u;

/** The form in which tags are compared. */
export function tagKey(tag: string): string {
  return tag.normalize('NFKC').trim().toLowerCase();
}

export const TagSchema = z
  .string('A tag must be text.')
  .trim()
  .min(1, 'A tag must not be empty.')
  .max(64, 'A tag may have at most 64 characters.')
  .refine((tag) => !SEPARATORS.test(tag), 'A tag has no blanks, commas or semicolons.')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what this refuses
  .refine((tag) => !/[\u0000-\u001f\u007f]/.test(tag), 'A tag has no control characters.');

/** The tags of a Runner: at least one, at most 50, none twice (compared without case). */
export const RunnerTagsSchema = z
  .array(TagSchema, 'Tags must be a list of text.')
  .min(1, 'At least one tag is needed.')
  .max(50, 'At most 50 tags are possible.')
  .superRefine((tags, context) => {
    const seen = new Set<string>();
    for (const [index, tag] of tags.entries()) {
      const key = tagKey(tag);
      if (seen.has(key))
        context.addIssue({ code: 'custom', path: [index], message: `The tag “${tag}” is there twice.` });
      seen.add(key);
    }
  });

/** A selection by tags: may be empty (then every Runner matches). Duplicates are dropped. */
export const TagSelectionSchema = z.array(TagSchema).max(50).transform(uniqueTags);

/** Splits what a person typed or pasted into tags: Return, comma, semicolon and blanks end a tag. Order is kept. */
export function splitTags(text: string): string[] {
  return text.split(SEPARATORS).filter((tag) => tag !== '');
}

/** Drops tags that are there already (compared without case); the first spelling stays. */
export function uniqueTags(tags: readonly string[]): string[] {
  const seen = new Map<string, string>();
  for (const tag of tags) if (!seen.has(tagKey(tag))) seen.set(tagKey(tag), tag.trim());
  return [...seen.values()];
}

/** The tags of `wanted` that `having` lacks. Empty means: it matches. */
export function missingTags(wanted: readonly string[], having: readonly string[]): string[] {
  const keys = new Set(having.map(tagKey));
  return wanted.filter((tag) => !keys.has(tagKey(tag)));
}
