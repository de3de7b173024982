import { relative } from 'node:path';
import type { TestError } from 'vitest';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';
import { ROOT } from '../paths.ts';
import { type Failure, failureLine, type RunReport, writeRunReport } from './run-report.ts';

/** Writes the report of a Vitest run for `npm test`; what a person sees comes from Vitest's own reporter. */
export default class VitestRunReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Promise<void> {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const groups = modules.flatMap((module) => [...module.children.allSuites()]);
    const failed = [
      ...modules.flatMap((module) => failures(`${module.relativeModuleId} as a whole`, module.errors())),
      ...groups.flatMap((group) => failures(`${nameOf(group)} (set-up)`, group.errors())),
      ...tests.flatMap((test) => {
        const { state, errors } = test.result();
        return state === 'failed' ? [failureLine(nameOf(test), failureOf(errors?.[0]))] : [];
      }),
      ...unhandled.map((error) => `unhandled error: ${error.message}`),
    ];
    const report: RunReport = {
      passed: tests.filter((test) => test.result().state === 'passed').length,
      failed,
      skipped: tests.flatMap((test) => {
        const result = test.result();
        return result.state === 'skipped' ? [{ name: nameOf(test), reason: reasonOf(test, result.note) }] : [];
      }),
    };
    await writeRunReport(report);
  }
}

function failures(name: string, errors: readonly SerializedError[]): string[] {
  return errors.length === 0 ? [] : [failureLine(name, failureOf(errors[0]))];
}

function failureOf(error: Partial<TestError> | undefined): Failure {
  const at = error?.stacks?.[0];
  return { message: error?.message, where: at && `${relative(ROOT, at.file)}:${at.line}` };
}

function nameOf(task: Pick<TestCase, 'fullName' | 'module'>): string {
  return `${task.module.relativeModuleId} > ${task.fullName}`;
}

/** The architecture test sees to it that a test that can be skipped says why, in its note or in its title. */
function reasonOf(test: TestCase, note: string | undefined): string {
  return note ?? /\(((?:needs|only) [^)]+)\)/.exec(test.fullName)?.[1] ?? 'its set-up failed';
}
