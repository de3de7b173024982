import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { runAgentProgram } from '../testing/agent-process.ts';
import { heldOnDisk } from '../testing/held-on-disk.ts';
import { stepEnds } from '../testing/journal-view.ts';
import { processesOf } from '../testing/processes-of.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

const run = promisify(execFile);

async function smallDisk(context: TestContext): Promise<string> {
  const small = join(await temporaryFolder(), 'small');
  await mkdir(small);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', small]);
  } catch {
    context.skip(true, 'only root can make a small disk');
  }
  onTestFinished(() => run('umount', ['--lazy', small]).then(() => undefined));
  return small;
}

test('an agent that is killed on a full disk starts again there, says so, and brings what it has', async (context) => {
  const coordinator = await testCoordinator();
  const small = await smallDisk(context);
  await writeFile(join(small, 'runner.json'), JSON.stringify(coordinator.config()), { mode: 0o600 });
  const start = () => runAgentProgram(['run'], { cwd: small });
  const first = start();
  const operation = await coordinator.offer([{ type: 'command', command: 'echo begun; sleep 300' }]);
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  await coordinator.said('heartbeat', ({ running }) => running === 1);
  await run('dd', ['if=/dev/zero', `of=${join(small, 'ballast')}`, 'bs=64k', 'count=1000']).catch(() => undefined); // Full.
  first.child.kill('SIGKILL');
  await first.exited;
  coordinator.heard.length = 0;
  const second = start();
  const early = second.exited.then((code) => expect.unreachable(`it ended with ${code}: ${second.stderr()}`));
  const records = await Promise.race([coordinator.finished(operation), early]);
  expect(stepEnds(records).map(({ reason }) => reason)).toEqual(['agent-restarted']);
  expect(outputOf(records).toString()).toBe('begun\n');
  const sick = await coordinator.said('heartbeat', ({ checks }) => checks.some(({ ok }) => !ok));
  expect(sick.checks.find(({ ok }) => !ok)?.check).toBe('disk');
  // What was delivered is deleted, although not even a line can be added to the list of what has ended.
  await expect.poll(() => heldOnDisk(join(small, 'state', 'operations'))).toEqual([]);

  await rm(join(small, 'ballast'));
  coordinator.heard.length = 0;
  await coordinator.said('heartbeat', ({ checks }) => checks.every(({ ok }) => ok));
  await expect.poll(() => readFile(join(small, 'state', 'operations', 'ended.jsonl'), 'utf8')).toContain(operation);
}, 60_000);

test('no step begins while what became of the one before is not in the file', async (context) => {
  const coordinator = await testCoordinator();
  const small = await smallDisk(context);
  const marker = join(small, 'second');
  await testAgent(coordinator, { folder: small, env: { OUTRUNNER_DISK_FLOOR_MB: '0' } });
  await coordinator.connected();
  await writeFile(marker, '');
  const go = join(await temporaryFolder(), 'go');
  const operation = await coordinator.offer([
    { type: 'command', command: `echo begun; until [ -e '${go}' ]; do sleep 0.02; done; seq 1 60000` },
    { type: 'command', command: `echo second >> '${marker}'` },
  ]);
  await coordinator.recorded(operation, ({ kind }) => kind === 'output');
  await run('dd', ['if=/dev/zero', `of=${join(small, 'ballast')}`, 'bs=64k', 'count=1000']).catch(() => undefined); // Full.
  await writeFile(go, '');
  // It prints less than may wait in memory, and so ends.
  await coordinator.said('heartbeat', ({ checks }) => checks.some(({ ok }) => !ok));
  await expect.poll(() => processesOf(operation)).toEqual([]);
  expect(await readFile(marker, 'utf8')).toBe('');
  await rm(join(small, 'ballast'));
  const records = await coordinator.finished(operation);
  expect(stepEnds(records).map(({ reason }) => reason)).toEqual(['completed', 'completed']);
  expect(await readFile(marker, 'utf8')).toBe('second\n');
}, 60_000);

test('on a full disk nothing is lost: the step waits, new work is refused, and all goes on when there is room', async (context) => {
  const coordinator = await testCoordinator();
  const small = await smallDisk(context);
  await testAgent(coordinator, { folder: small, env: { OUTRUNNER_DISK_FLOOR_MB: '1' } });
  await coordinator.connected();
  coordinator.behaviour.acknowledges = false;
  const operation = await coordinator.offer([{ type: 'command', command: 'seq 1 3000000' }]);
  const full = await coordinator.said('heartbeat', ({ checks }) => checks.some(({ ok }) => !ok));
  expect(full.checks.find(({ ok }) => !ok)?.check).toBe('disk');
  await coordinator.offer([{ type: 'command', command: 'echo never' }]);
  expect((await coordinator.said('refused')).code).toBe('agent-disk-full');

  coordinator.behaviour.acknowledges = true;
  const { next } = coordinator.journal(operation);
  coordinator.session?.send({ type: 'ack', operation, attempt: 1, next, final: false });
  const output = outputOf(await coordinator.finished(operation));
  expect(output.length).toBe(22_888_896);
  expect(output.subarray(-16).toString()).toBe('2999999\n3000000\n');
  coordinator.heard.length = 0;
  await coordinator.said('heartbeat', ({ checks }) => checks.every(({ ok }) => ok));
}, 60_000);
