import { describe, expect, it } from 'vitest';
import { failureLine, type RunReport, sumLine, sumReports } from './run-report.ts';

const report = (passed: number, failed: string[] = [], skipped: string[] = []): RunReport => ({
  passed,
  failed,
  skipped: skipped.map((name) => ({ name, reason: 'no browser' })),
});
const sum = (...ends: [number | null, RunReport | undefined][]) =>
  sumReports(ends.map(([code, each], index) => ({ runner: `r${index}`, code, report: each })));

describe('the line on a failure', () => {
  it('says in one line what was thrown and where, without colours and without end', () => {
    const message = '\u001b[31mexpected 1\u001b[39m\n\n  to be 2';
    expect(failureLine('a > b', { message, where: 'a.test.ts:7' })).toBe('a > b: expected 1 to be 2 (a.test.ts:7)');
    expect(failureLine('a > b', { message: 'x'.repeat(9_999) }).length).toBeLessThan(500);
    expect(failureLine('a > b')).toBe('a > b');
  });
});

describe('the sum of a test run', () => {
  it('adds what the runners report and names failures and skips with their runner', () => {
    const total = sum([0, report(3, [], ['s'])], [1, report(2, ['f', 'g'])]);
    expect(sumLine(total)).toBe('5 passed, 2 failed, 1 skipped');
    expect(total.failed).toEqual(['r1: f', 'r1: g']);
    expect(total.skipped).toEqual([{ name: 'r0: s', reason: 'no browser' }]);
  });

  it('is not green when a runner broke before its end, whatever its exit code says', () => {
    expect(sum([0, undefined]).failed).toHaveLength(1);
    expect(sum([null, undefined], [0, report(5)]).failed).toHaveLength(1);
  });

  it('is not green when a runner fails without naming a test', () => {
    expect(sum([1, report(5)]).failed).toEqual(['r0: ended with code 1 although no test failed']);
  });

  it('is not green when nothing ran', () => {
    expect(sum([1, report(0)]).failed).toEqual(['r0: ran no test']);
    expect(sumReports([], true).failed).toEqual(['no test was run']);
    expect(sum([0, report(0, [], ['all skipped'])]).failed).toEqual([]);
  });

  it('does not mind a runner without any of the files that a person asked for', () => {
    const ends = [report(0), report(2)].map((each) => ({ runner: 'r', code: 0, report: each }));
    expect(sumReports(ends, true).failed).toEqual([]);
    expect(sumReports(ends).failed).toEqual(['r: ran no test']);
  });
});
