import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testAgent, testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

const run = promisify(execFile);

test('on a full disk nothing is lost: the step waits, new work is refused, and all goes on when there is room', async (context) => {
  const coordinator = await testCoordinator();
  const small = join(await temporaryFolder(), 'small');
  await mkdir(small);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', small]);
  } catch {
    context.skip(true, 'only root can make a small disk');
  }
  onTestFinished(() => run('umount', ['--lazy', small]).then(() => undefined));
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
