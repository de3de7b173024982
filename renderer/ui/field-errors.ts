import type { FieldProblem } from '../../protocol/problems.ts';

/** The first message of each top field (`tags.0` counts for `tags`), as forms show them. */
export function fieldErrors(fields: readonly FieldProblem[]): Record<string, string | undefined> {
  const errors: Record<string, string> = {};
  for (const { path, message } of fields) {
    const top = path.split('.')[0] ?? '';
    errors[top] ??= message;
  }
  return errors;
}
