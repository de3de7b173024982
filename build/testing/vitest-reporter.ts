import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';
import { type RunReport, writeRunReport } from './run-report.ts';

/** Writes the report of a Vitest run for `npm test`; what a person sees comes from Vitest's own reporter. */
export default class VitestRunReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Promise<void> {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const groups = modules.flatMap((module) => [...module.children.allSuites()]);
    const failed = [
      ...modules
        .filter((module) => module.errors().length > 0)
        .map((module) => `${module.relativeModuleId} as a whole`),
      ...groups.filter((group) => group.errors().length > 0).map((group) => `${nameOf(group)} (set-up)`),
      ...tests.filter((test) => test.result().state === 'failed').map(nameOf),
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

function nameOf(task: Pick<TestCase, 'fullName' | 'module'>): string {
  return `${task.module.relativeModuleId} > ${task.fullName}`;
}

/** The architecture test sees to it that a test that can be skipped says why, in its note or in its title. */
function reasonOf(test: TestCase, note: string | undefined): string {
  return note ?? /\(((?:needs|only) [^)]+)\)/.exec(test.fullName)?.[1] ?? 'its set-up failed';
}
