import { relative } from 'node:path';
import type { FullConfig, Reporter, Suite, TestCase, TestError } from '@playwright/test/reporter';
import { ROOT } from '../paths.ts';
import { type Failure, failureLine, writeRunReport } from './run-report.ts';

/** Writes the report of a Playwright run for `npm test`; what a person sees comes from Playwright's own reporter. */
export default class PlaywrightRunReporter implements Reporter {
  #suite: Suite | undefined;
  readonly #errors: string[] = [];

  onBegin(_config: FullConfig, suite: Suite): void {
    this.#suite = suite;
  }

  /** Errors outside of any test: a file that cannot be loaded, a worker that broke. */
  onError(error: TestError): void {
    this.#errors.push(`outside of a test: ${(error.message ?? error.value ?? 'unknown').split('\n')[0]}`);
  }

  async onEnd(): Promise<void> {
    const tests = this.#suite?.allTests() ?? [];
    await writeRunReport({
      passed: tests.filter((test) => test.outcome() === 'expected').length,
      failed: [
        ...this.#errors,
        ...tests
          .filter((test) => test.outcome() === 'unexpected' || test.outcome() === 'flaky')
          .map((test) => failureLine(nameOf(test), failureOf(test))),
      ],
      skipped: tests
        .filter((test) => test.outcome() === 'skipped')
        .map((test) => ({ name: nameOf(test), reason: reasonOf(test) })),
    });
  }

  printsToStdio(): boolean {
    return false;
  }
}

function failureOf(test: TestCase): Failure {
  const error = test.results.find((result) => result.error !== undefined)?.error;
  const at = error?.location;
  return { message: error?.message ?? error?.value, where: at && `${relative(ROOT, at.file)}:${at.line}` };
}

function nameOf(test: TestCase): string {
  return test.titlePath().filter(Boolean).join(' > ');
}

function reasonOf(test: TestCase): string {
  const noted = [...test.annotations, ...test.results.flatMap((result) => result.annotations)];
  const reason = noted.find((each) => each.type === 'skip' || each.type === 'fixme')?.description;
  return reason ?? /\(((?:needs|only) [^)]+)\)/.exec(test.title)?.[1] ?? 'an earlier failure';
}
