import type { JobOption } from './job-option.ts';

/** What a run dialog begins with: what was given the last time where the job still has that option, else its default. */
export function initialValues(
  options: readonly JobOption[],
  given: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return Object.fromEntries(options.map(({ name, value }) => [name, given[name] ?? value]));
}

/** A message for each required option without a value. */
export function missingValues(
  options: readonly JobOption[],
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    options
      .filter(({ name, required }) => required && (values[name] ?? '').trim() === '')
      .map(({ name }) => [name, `${name} is required.`]),
  );
}
