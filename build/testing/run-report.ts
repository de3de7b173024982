import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';
import { z } from 'zod';

/** What one test runner says at its end, in the one form that both of our reporters write. */
export const RunReportSchema = z.object({
  passed: z.number().int().nonnegative(),
  /** What failed and why, a line each: tests, and files or set-ups that failed as a whole. */
  failed: z.array(z.string()),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
});
export type RunReport = z.infer<typeof RunReportSchema>;

const LONGEST_REASON = 400;

/** The error of a failed test, as far as both runners know it. */
export interface Failure {
  readonly message?: string | undefined;
  /** Where it was thrown, as `file:line`. */
  readonly where?: string | undefined;
}

/** One line on a failure. The end of a log has to be enough to know what happened: often it is all that is left of it. */
export function failureLine(name: string, { message, where }: Failure = {}): string {
  const reason = stripVTControlCharacters(message ?? '')
    .replace(/\s+/g, ' ')
    .trim();
  const told = reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}…` : reason;
  return [name, ...(told === '' ? [] : [`: ${told}`]), ...(where === undefined ? [] : [` (${where})`])].join('');
}

/** Environment variable that tells a reporter where to write. */
export const REPORT_FILE = 'OUTRUNNER_TEST_REPORT';

/** Writes the report to where the runner was told to; does nothing when a person started the runner by hand. */
export async function writeRunReport(report: RunReport): Promise<void> {
  const path = process.env[REPORT_FILE];
  if (path) await writeFile(path, JSON.stringify(report));
}

/** Reads what a runner wrote. Undefined when it wrote nothing: then it broke before its end. */
export async function readRunReport(path: string): Promise<RunReport | undefined> {
  if (!existsSync(path)) return undefined;
  return RunReportSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}

/** How a runner ended: its exit code, and its report if it got that far. */
export interface RunEnd {
  readonly runner: string;
  readonly code: number | null;
  readonly report: RunReport | undefined;
}

/**
 * Adds the reports of several runners. A runner that ended badly without naming a failure, ran no test, or left no report
 * counts as one failure: a test run that tested nothing is not green. `filtered`: a person asked for certain files, so that
 * a runner without any of them is no fault; none at all still is.
 */
export function sumReports(ends: readonly RunEnd[], filtered = false): RunReport {
  const failed = ends.flatMap(({ runner, code, report }) => {
    if (!report) return [`${runner}: ended with code ${code} before it could report`];
    if (report.failed.length > 0) return report.failed.map((name) => `${runner}: ${name}`);
    if (report.passed + report.skipped.length === 0 && !filtered) return [`${runner}: ran no test`];
    return code === 0 ? [] : [`${runner}: ended with code ${code} although no test failed`];
  });
  const ran = ends.some(({ report }) => report && report.passed + report.skipped.length > 0);
  if (!ran && failed.length === 0) failed.push('no test was run');
  return {
    passed: ends.reduce((sum, { report }) => sum + (report?.passed ?? 0), 0),
    failed,
    skipped: ends.flatMap(({ runner, report }) =>
      (report?.skipped ?? []).map(({ name, reason }) => ({ name: `${runner}: ${name}`, reason })),
    ),
  };
}

/** The last line of every test run. */
export function sumLine(sum: RunReport): string {
  return `${sum.passed} passed, ${sum.failed.length} failed, ${sum.skipped.length} skipped`;
}
