import path from 'node:path';
import { startProgram } from '../bench/harness/process.ts';
import { expect, test } from './support/test.ts';

/**
 * Short forms of the trials of `soak/`, with real processes, real disks and real networks. Each prints its seed; `npm run soak
 * -- --only NAME --seed SEED` does the same again, and longer.
 */
const TRIALS: readonly (readonly [promise: string, name: string, ...options: string[]])[] = [
  [
    'coordinator and agents killed at random moments: each execution ends once, rightly, with its whole log',
    'kill',
    ...['--executions', '120', '--seconds', '25', '--seed', '7'],
  ],
  ['the cable cut for longer than the silence that is allowed: work goes on, and all of it arrives', 'cut'],
  ['a link of 64 kbit/s: the session lives, a stop arrives, the log is complete', 'slow-link'],
  ['300 ms in each direction: start, output and stop work', 'latency'],
  ['the proxy in between restarted: the agent comes back by itself', 'proxy-restart'],
  ['a full disk at the agent: the step waits, the status says why, and all goes on when there is room', 'disk-agent'],
  ['a full disk at the coordinator: nothing is acknowledged that is not stored', 'disk-coordinator'],
  ['bytes that are no text, input that is never read, a child that keeps the output open', 'odd-steps'],
];

for (const [promise, name, ...options] of TRIALS) {
  test(promise, async ({ work }, info) => {
    expect(work).not.toBe('');
    // The trials have bounds of their own, and say more when one is passed.
    test.setTimeout(300_000);
    const run = path.join(import.meta.dirname, '../soak/run.ts');
    const program = startProgram(process.execPath, [run, '--only', name, ...options]);
    const { code } = await program.ended;
    const skipped = /^SKIPPED \S+ (.+)$/m.exec(program.output())?.[1];
    test.skip(skipped !== undefined, skipped ?? '');
    await info.attach(`${name}.txt`, { body: program.output() });
    expect(code, program.output()).toBe(0);
  });
}
