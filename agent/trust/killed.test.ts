import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { IdentitySchema } from '../../protocol/enrolment.ts';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { testCoordinator } from '../testing/test-agent.ts';
import { outputOf } from '../testing/test-coordinator.ts';

/** Resolves with the name of the file in the folder that a write of the identity touched as the n-th. */
function touched(folder: string, nth: number): Promise<string> {
  return new Promise((resolve) => {
    let seen = 0;
    const watcher: FSWatcher = watch(folder, (_event, name) => {
      if (name === null || !name.includes('identity.json')) return;
      seen += 1;
      if (seen !== nth) return;
      watcher.close();
      resolve(name);
    });
    onTestFinished(() => watcher.close());
  });
}

test('an agent that is killed while it writes down what it learned has the old or the new whole, and goes on from there', async () => {
  const coordinator = await testCoordinator();
  const { keys } = coordinator;
  const folder = await packageFolder(coordinator);
  const state = join(folder, 'state');
  const run = () => runAgentProgram(['run'], { cwd: folder });
  let agent = run();
  await coordinator.connected();
  // The file is made, written, put in the place of the other: killed at each of these, and sometimes just after.
  for (const nth of [1, 2, 3, 4, 1, 2]) {
    const before = keys.newest;
    keys.rotate();
    const moment = touched(state, nth);
    coordinator.announce();
    await moment;
    agent.child.kill('SIGKILL');
    await agent.exited;
    const identity = IdentitySchema.parse(JSON.parse(await readFile(join(state, 'identity.json'), 'utf8')));
    expect([before, keys.newest]).toContain(identity.coordinator.publicKey);
    expect(identity.trust?.keys[0] ?? before).toBe(identity.coordinator.publicKey);
    keys.retire();
    coordinator.heard.length = 0;
    agent = run();
    await coordinator.said('trust-noted', ({ serial, problem }) => serial === keys.serial && problem === null);
    // Copies of the private keys do not stay behind.
    expect((await readdir(state)).filter((name) => name.startsWith('.identity'))).toEqual([]);
  }
  const operation = await coordinator.offer([{ type: 'command', command: 'echo on' }]);
  expect(outputOf(await coordinator.finished(operation)).toString()).toBe('on\n');
}, 120_000);
