import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  descendantsOf,
  parseWindowsProcesses,
  type SeenProcess,
  startedNow,
  type WindowsProcess,
} from './windows-processes.ts';

const AGENT = 4100;
/** As PowerShell prints it on Windows Server 2022, shortened. */
const LIST = [
  '0 0 - System Idle Process',
  '4 0 - System',
  '700 600 134086000000000000 C:\\Windows\\system32\\services.exe',
  '4100 700 134086500000000000 "C:\\Program Files\\Outrunner\\outrunner-agent.exe" run',
  '5200 4100 134086600000000000 powershell -NoProfile -NonInteractive -Command "ping -t localhost"',
  '5300 5200 134086600010000000 "C:\\Windows\\system32\\PING.EXE" -t localhost',
  '5400 5300 134086600020000000 conhost.exe 0x4',
  '6000 5900 134086600030000000 C:\\job\\daemon.exe --serve',
  '',
].join('\r\n');

const pidsOf = (found: readonly WindowsProcess[]) => found.map(({ pid }) => pid);
const seen = (entries: Record<number, string>) =>
  new Map(Object.entries(entries).map(([pid, born]): [number, SeenProcess] => [Number(pid), { born, exact: true }]));

test('the list is read, with what keeps its begin secret', () => {
  const all = parseWindowsProcesses(LIST);
  expect(all).toHaveLength(8);
  expect(all[1]).toEqual({ pid: 4, parent: 0, born: '', command: 'System' });
  expect(all[4]).toMatchObject({ pid: 5200, parent: 4100, born: '134086600000000000' });
  expect(parseWindowsProcesses('\r\nError: no\r\n12 x 3 y')).toEqual([]);
});

test('a step that was just started is known by its number and its parent, with all below it', () => {
  const found = descendantsOf(
    parseWindowsProcesses(LIST),
    new Map([[5200, startedNow(Date.UTC(2025, 10, 27))]]),
    AGENT,
  );
  expect(pidsOf(found)).toEqual([5200, 5300, 5400]);
  const other = LIST.replace('5200 4100', '5200 700');
  expect(descendantsOf(parseWindowsProcesses(other), seen({ 5200: '' }), AGENT)).toEqual([]);
});

test('whose parent has ended is found by what was seen of the parent', () => {
  const all = parseWindowsProcesses(LIST);
  expect(pidsOf(descendantsOf(all, seen({ 5900: '134086600025000000' }), AGENT))).toEqual([6000]);
  // The parent that was seen began later: it had the number after the true one.
  expect(descendantsOf(all, seen({ 5900: '134086600031000000' }), AGENT)).toEqual([]);
});

test('a step that ended before it was seen still leads to its children', () => {
  const begin = startedNow(1_764_186_400_000);
  const child = { pid: 9, parent: 8, born: String(BigInt(begin.born) + 20_000_000n), command: 'x' };
  expect(pidsOf(descendantsOf([child], new Map([[8, begin]]), AGENT))).toEqual([9]);
  expect(descendantsOf([{ ...child, born: String(BigInt(begin.born) - 1n) }], new Map([[8, begin]]), AGENT)).toEqual(
    [],
  );
});

test('a number that was given to another process leads to nobody', () => {
  const all: WindowsProcess[] = [
    { pid: 50, parent: 1, born: '300', command: 'of somebody else' },
    { pid: 51, parent: 50, born: '400', command: 'its child' },
    { pid: 52, parent: 50, born: '200', command: 'child of the one that had the number before' },
  ];
  expect(pidsOf(descendantsOf(all, seen({ 50: '100' }), AGENT))).toEqual([52]);
});

test('whatever the numbers: found is what descends from the steps, and never the agent', () => {
  const arbitrary = fc.array(fc.record({ parent: fc.nat(12), born: fc.integer({ min: 100, max: 130 }) }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(arbitrary, (list) => {
      const all = list.map(({ parent, born }, pid) => ({ pid: pid + 1, parent, born: String(born), command: '' }));
      const [root] = all;
      if (root === undefined) return;
      const found = descendantsOf(all, seen({ [root.pid]: root.born }), 3);
      const numbers = new Set(pidsOf(found));
      expect(numbers.has(root.pid)).toBe(true);
      expect(numbers.has(3)).toBe(false);
      for (const one of found) {
        if (one.pid === root.pid) continue;
        expect(numbers.has(one.parent)).toBe(true);
        const parent = all.find(({ pid }) => pid === one.parent);
        expect(Number(one.born)).toBeGreaterThanOrEqual(Number(parent?.born));
      }
    }),
  );
});
