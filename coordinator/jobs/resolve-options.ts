import type { z } from 'zod';
import type { JobOptionSchema } from '../../protocol/api/jobs.ts';
import { type FieldProblem, OutrunnerError } from '../../protocol/problems.ts';

type JobOption = z.output<typeof JobOptionSchema>;

/**
 * The options of a run: what the caller says, else the defaults that the job declares. An option that the job does not
 * declare is refused, so that nobody smuggles a variable into a script that does not expect it.
 * @throws OutrunnerError `invalid-input` naming each wrong one as `options.<name>`.
 */
export function resolveOptions(
  declared: readonly JobOption[],
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const fields: FieldProblem[] = [];
  const names = new Set(declared.map((option) => option.name));
  for (const name of Object.keys(given)) {
    if (!names.has(name)) fields.push({ path: `options.${name}`, message: `The job has no option “${name}”.` });
  }
  const values: Record<string, string> = {};
  for (const { name, required, value } of declared) {
    const chosen = Object.hasOwn(given, name) ? (given[name] ?? '') : value;
    if (required && chosen.trim() === '') {
      fields.push({ path: `options.${name}`, message: `The option “${name}” is required.` });
    }
    values[name] = chosen;
  }
  if (fields.length > 0) {
    throw new OutrunnerError('invalid-input', { detail: fields.map((field) => field.message).join(' '), fields });
  }
  return values;
}
