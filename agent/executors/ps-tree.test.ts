import { expect, test } from 'vitest';
import { ofOperation, parsePs } from './ps-tree.ts';

const OPERATION = '0b9cf7a2-59d3-4a0e-9d0b-2f2a8d4f1f00';
/** As `ps -axwwE` prints it on macOS, shortened; the agent is this process. */
const LIST = `
    1     0     1 Ss   Mon Nov 24 09:00:00 2025     /sbin/launchd
  500 ${process.pid}   500 Ss   Thu Nov 27 10:15:30 2025     /bin/sh -c sleep 300
  501   500   500 S    Thu Nov 27 10:15:31 2025     sleep 300
  502   500   500 Z    Thu Nov 27 10:15:31 2025     (sleep)
  503     1   503 Ss   Thu Nov 27 10:15:32 2025     daemon --x PATH=/bin OUTRUNNER_OPERATION=${OPERATION} HOME=/root
  504   503   504 S    Thu Nov 27 10:15:33 2025     helper
  600     1   500 S    Thu Nov 27 10:15:34 2025     orphan
  700     1   700 S    Thu Nov 27 10:15:35 2025     other OUTRUNNER_OPERATION=${OPERATION}0
`;

const find = (roots: number[], known: [number, string][] = [], text = LIST) =>
  ofOperation(parsePs(text), OPERATION, new Set(roots), new Map(known)).map(({ pid }) => pid);

test('a step, its group, what is marked, and the children of all these belong to an operation', () => {
  expect(find([500])).toEqual([500, 501, 503, 504, 600]);
});

test('after the step has ended, its group is known by those that were seen in it', () => {
  const gone = LIST.split('\n')
    .filter((line) => !line.startsWith('  500'))
    .join('\n');
  expect(find([500], [[501, 'Thu Nov 27 10:15:31 2025']], gone)).toEqual([501, 503, 504, 600]);
  // The same number, begun at another time: somebody else's.
  expect(find([500], [[501, 'Thu Nov 27 10:15:30 2025']], gone)).toEqual([503, 504]);
});

test('a number that was given away again is nobody of ours', () => {
  expect(find([700], [], LIST.replaceAll(OPERATION, 'none'))).toEqual([]);
});
