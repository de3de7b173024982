import { z } from 'zod';

/** Field types that many bodies use. A control character in a name is always a mistake or an attack. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what this refuses
const CONTROL = /[\u0000-\u001f\u007f\u2028\u2029]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above, but line breaks and tabs are text
const CONTROL_BUT_TEXT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

export const IdSchema = z.uuid('This must be an id (a UUID).').meta({ id: 'Id' });
export type Id = z.infer<typeof IdSchema>;

/** ISO 8601 in UTC with milliseconds, as `Date.prototype.toISOString` writes it. */
export const TimeSchema = z.iso.datetime({ message: 'This must be a time like 2026-11-23T20:15:00.000Z.' });

/** A one-line text that a person chose: trimmed, 1 to `max` characters, no control characters. */
export function lineSchema(what: string, max: number) {
  return z
    .string(`${what} must be text.`)
    .trim()
    .min(1, `${what} is required.`)
    .max(max, `${what} may have at most ${max} characters.`)
    .refine((text) => !CONTROL.test(text), `${what} must be one line without control characters.`);
}

/** A text of several lines, possibly empty. */
export function textSchema(what: string, max: number) {
  return z
    .string(`${what} must be text.`)
    .max(max, `${what} may have at most ${max} characters.`)
    .refine((text) => !CONTROL_BUT_TEXT.test(text), `${what} must not have control characters.`);
}

export const RunnerNameSchema = lineSchema('Name', 100);
export const DescriptionSchema = textSchema('Description', 1000)
  .refine((text) => text.trim() !== '', 'Description is required.')
  .transform((text) => text.trim());

/** A project's name stands in URLs and paths. */
export const ProjectNameSchema = z
  .string('Name must be text.')
  .trim()
  .min(1, 'Name is required.')
  .max(64, 'Name may have at most 64 characters.')
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    'Name may have letters, digits, dots, hyphens and underscores, and starts with a letter or digit.',
  );

/** Names that are compared without regard to case or Unicode form. */
export function sameNameKey(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}

/** `limit` and `cursor` of every list. The cursor is opaque: send back what `next` said. */
export const PageQuerySchema = z.object({
  limit: z.coerce
    .number('limit must be a number.')
    .int()
    .min(1, 'limit is at least 1.')
    .max(10_000, 'limit is at most 10000.')
    .default(100),
  cursor: z.string().max(500).optional(),
});

/** The answer of every list; `next` is null on the last page, `total` counts what the filter matches. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next: z.string().nullable(), total: z.number().int().min(0) });
}
