import { createHash } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { StepInput } from '../../protocol/operation.ts';
import { heldOnDisk } from '../testing/held-on-disk.ts';
import { outcomeOf, stepEnds, stepStarts } from '../testing/journal-view.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

const command = (text: string, more: object = {}): StepInput => ({ type: 'command', command: text, ...more });
const script = (text: string, more: object = {}): StepInput => ({ type: 'script', script: text, ...more });

async function ready(env: NodeJS.ProcessEnv = {}) {
  const coordinator = await testCoordinator();
  const agent = await testAgent(coordinator, { env });
  await coordinator.connected();
  return {
    coordinator,
    agent,
    async run(steps: readonly StepInput[], plan: Parameters<typeof coordinator.offer>[1] = {}) {
      return await coordinator.finished(await coordinator.offer(steps, plan));
    },
  };
}

test('a command runs in sh, with its two streams told apart and its exit code kept', async () => {
  const { run } = await ready();
  const records = await run([command('echo out; echo err >&2; exit 3')]);
  expect(records.map(({ kind }) => kind)).toEqual([
    'started',
    'step-started',
    'output',
    'output',
    'step-finished',
    'finished',
  ]);
  expect(outputOf(records).toString()).toBe('out\n');
  expect(outputOf(records, 'stderr').toString()).toBe('err\n');
  expect(stepEnds(records)[0]).toMatchObject({ reason: 'NonZeroResultCode', exitCode: 3, signal: null });
  expect(outcomeOf(records)).toMatchObject({ outcome: 'failed', survivors: [] });
});

test('steps follow each other; after a failed one the rest is skipped, each with its own record', async () => {
  const { run } = await ready();
  const records = await run([command('echo 1'), command('exit 1'), command('echo 3'), command('echo 4')]);
  expect(stepEnds(records).map(({ step, reason }) => [step, reason])).toEqual([
    [0, 'completed'],
    [1, 'NonZeroResultCode'],
    [2, 'skipped'],
    [3, 'skipped'],
  ]);
  expect(outputOf(records).toString()).toBe('1\n');
  expect(outcomeOf(records).reason).toBe('Step 2 (exit 1): It ended with exit code 1.');
});

test('with keep-going the rest runs, and the operation still fails', async () => {
  const { run } = await ready();
  const records = await run([command('exit 1'), command('echo on')], { keepGoing: true });
  expect(outputOf(records).toString()).toBe('on\n');
  expect(stepEnds(records).map(({ reason }) => reason)).toEqual(['NonZeroResultCode', 'completed']);
  expect(outcomeOf(records).outcome).toBe('failed');
});

test('a script gets its arguments as they are, whatever is in them', async () => {
  const { run } = await ready();
  const args = ['a b', '$HOME', '`id`', '"; rm -rf /', "it's", '', '-n', 'ä€😀', 'line\nbreak'];
  const records = await run([script('for a in "$@"; do printf "[%s]" "$a"; done', { arguments: args })]);
  expect(outputOf(records).toString()).toBe(args.map((arg) => `[${arg}]`).join(''));
});

test('a script without an interpreter is run by what its first line says', async () => {
  const { run } = await ready();
  const records = await run([
    script(`#!${process.execPath}\nconsole.log(process.argv.slice(2).join('+'))`, { arguments: ['a', 'b'] }),
  ]);
  expect(outputOf(records).toString()).toBe('a+b\n');
  expect(stepStarts(records)[0]?.interpreter).toBe(process.execPath);
});

test('a script whose first line ends as on Windows is run all the same', async () => {
  const { run } = await ready();
  expect(outputOf(await run([script('#!/bin/sh\r\necho fine')])).toString()).toBe('fine\n');
});

test('an interpreter may be a name or an absolute path', async () => {
  const { run } = await ready();
  const byName = await run([command('test -n "$BASH_VERSION" && echo bash', { interpreter: 'bash' })]);
  expect(outputOf(byName).toString()).toBe('bash\n');
  const byPath = await run([script('console.log(6 * 7)', { interpreter: process.execPath })]);
  expect(outputOf(byPath).toString()).toBe('42\n');
});

test('an interpreter that is missing is named, and nothing runs', async () => {
  const { run } = await ready();
  for (const interpreter of ['no-such-shell', '/no/such/shell', '/etc/passwd', 'bin/sh']) {
    const records = await run([command('echo never', { interpreter })]);
    const [end] = stepEnds(records);
    expect(end?.reason).toBe('interpreter-missing');
    expect(end?.detail).toContain(interpreter);
    expect(outputOf(records).length).toBe(0);
  }
});

test('a step has options and plan variables, and none of the settings of the agent', async () => {
  const { run } = await ready({ OUTRUNNER_TOKEN_OF_SOMETHING: 'secret', NODE_OPTIONS: '--no-warnings', KEPT: 'yes' });
  const records = await run([command('env')], {
    options: { 'my-option.x': 'a  b\n"c"', Überflüssig: '' },
    environment: { RD_JOB_NAME: 'nightly', OUTRUNNER_OPERATION: 'forged' },
  });
  const output = outputOf(records).toString();
  expect(output).toContain('RD_OPTION_MY_OPTION_X=a  b\n"c"\n');
  expect(output).toContain('RD_JOB_NAME=nightly\n');
  expect(output).toContain('KEPT=yes\n');
  expect(output).not.toMatch(/secret|NODE_OPTIONS|forged/);
  expect(output.match(/^OUTRUNNER_/gm)).toEqual(['OUTRUNNER_']);
});

test('each operation has a working folder of its own, closed to others, and gone afterwards', async () => {
  const { run, agent } = await ready();
  const records = await run([command('pwd; stat -c %a .; touch left-behind'), command('ls')]);
  const [folder = '', mode, listed] = outputOf(records).toString().split('\n');
  expect(folder).toMatch(/state\/operations\/[0-9a-f-]{36}\.1$/);
  expect([mode, listed]).toEqual(['700', 'left-behind']);
  await expect.poll(() => heldOnDisk(join(agent.state, 'operations'))).toEqual([]);
});

test('a script file is readable by its owner alone', async () => {
  const { run } = await ready();
  const records = await run([script('stat -c %a "$0"; basename "$0"')]);
  expect(outputOf(records).toString()).toBe('600\nstep-1.sh\n');
});

test('output is kept byte by byte, also when it is no text', async () => {
  const { run } = await ready();
  const records = await run([
    script('import sys; sys.stdout.buffer.write(bytes(range(256)) * 1000)', { interpreter: 'python3' }),
  ]);
  const expected = Buffer.concat(
    Array.from({ length: 1000 }, () => Buffer.from(Array.from({ length: 256 }, (_, i) => i))),
  );
  expect(outputOf(records).equals(expected)).toBe(true);
});

test('50 MB of output arrive byte by byte, in pieces of at most 64 KB', async () => {
  const { run } = await ready();
  const program = `
    const { createHash } = require('node:crypto');
    const hash = createHash('sha256');
    const { writeSync } = require('node:fs');
    let seed = 1;
    for (let i = 0; i < 800; i++) {
      const piece = Buffer.alloc(65536);
      for (let j = 0; j < 65536; j += 4) { seed = (seed * 1103515245 + 12345) & 0x7fffffff; piece.writeInt32LE(seed, j); }
      hash.update(piece);
      let at = 0;
      while (at < piece.length) at += writeSync(1, piece, at);
    }
    process.stderr.write(hash.digest('hex'));`;
  const records = await run([script(program, { interpreter: process.execPath })]);
  const output = outputOf(records);
  expect(output.length).toBe(52_428_800);
  expect(createHash('sha256').update(output).digest('hex')).toBe(outputOf(records, 'stderr').toString());
  expect(Math.max(...records.map(({ payload }) => payload.length))).toBeLessThanOrEqual(65_536);
}, 60_000);

test('a step that reads its input finds it empty', async () => {
  const { run } = await ready();
  const records = await run([command('cat; echo read')]);
  expect(outputOf(records).toString()).toBe('read\n');
});

test('a step that is killed by a signal says which', async () => {
  const { run } = await ready();
  const records = await run([command('kill -SEGV $$')]);
  expect(stepEnds(records)[0]).toMatchObject({ reason: 'signalled', signal: 'SIGSEGV', exitCode: null });
});

test('a command that is longer than the system takes as an argument runs all the same', async () => {
  const { run } = await ready();
  const text = 'ä'.repeat(90_000);
  const records = await run([command(`printf '%s' '${text}' | wc -c`)]);
  expect(outputOf(records).toString().trim()).toBe('180000');
});

test('an environment that is larger than the system takes is said, not hidden', async () => {
  const { run } = await ready();
  const options = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`o${i}`, 'x'.repeat(100_000)]));
  const records = await run([command('echo never')], { options });
  expect(stepEnds(records)[0]).toMatchObject({ reason: 'IOFailure', exitCode: null });
  expect(stepEnds(records)[0]?.detail).toContain('too large');
});

test('a step ends with its main process, even when a child keeps the pipe open', async () => {
  const { run } = await ready();
  const started = performance.now();
  const records = await run([command('echo before; (sleep 30; echo late) & echo after')]);
  expect(performance.now() - started).toBeLessThan(3_000);
  expect(outputOf(records).toString()).toBe('before\nafter\n');
  expect(records.some(({ kind }) => kind === 'mark')).toBe(true);
  expect(outcomeOf(records).outcome).toBe('succeeded');
});

test('what a step leaves running in the background goes on when it is done', async () => {
  const { run, agent } = await ready();
  const file = join(agent.folder, 'done-later');
  await run([command(`(sleep 0.3; echo x > '${file}') >/dev/null 2>&1 &`)]);
  await expect
    .poll(() =>
      stat(file).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
});

test('the last words of a step that ends at once are never lost', async () => {
  const { run } = await ready();
  for (let i = 0; i < 20; i++) {
    const records = await run([command(`printf 'last words ${i}'`)]);
    expect(outputOf(records).toString()).toBe(`last words ${i}`);
  }
});

test('a script with a name that has spaces and quotes in its folder runs', async () => {
  const coordinator = await testCoordinator();
  const folder = join(await temporaryFolder(), `it's "ä" place`);
  await mkdir(folder);
  await testAgent(coordinator, { folder });
  const records = await coordinator.finished(
    await coordinator.offer([script('echo fine; pwd'), script('#!/bin/sh\necho direct')]),
  );
  expect(outputOf(records).toString()).toContain('fine\n');
  expect(outputOf(records).toString()).toContain('direct\n');
});
