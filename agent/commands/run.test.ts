import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { readLastEnd } from '../host/last-end.ts';
import { logFile } from '../host/log-file.ts';
import { packageFolder, runAgentProgram } from '../testing/agent-process.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { testCoordinator } from '../testing/test-agent.ts';

test('where the launcher says so, the end of standard input is the wish to stop', async () => {
  const coordinator = await testCoordinator();
  const env = { OUTRUNNER_STOP_WITH_STDIN: '1' };
  const agent = runAgentProgram(['run'], { cwd: await packageFolder(coordinator), env, stdin: 'pipe' });
  await coordinator.connected();
  agent.child.stdin?.end();
  expect(await agent.exited).toBe(0);
  expect(agent.stderr()).toContain('Stopping (asked by the launcher).');
});

test('an end for good is remembered with its line and forgotten at the next start', async () => {
  const coordinator = await testCoordinator();
  const folder = await packageFolder(coordinator);
  const state = join(folder, 'state');
  coordinator.behaviour.refuseEnrolment = 'enrolment-token-used';
  const refused = runAgentProgram(['run'], { cwd: folder });
  expect(await refused.exited).toBe(AGENT_EXIT.enrolmentRefused);
  const end = await readLastEnd(state);
  expect(end).toMatchObject({ exitCode: AGENT_EXIT.enrolmentRefused });
  expect(refused.stderr()).toContain(`outrunner-agent: ${end?.line}`);
  coordinator.behaviour.refuseEnrolment = null;
  const agent = runAgentProgram(['run'], { cwd: folder });
  await coordinator.connected();
  expect(await readLastEnd(state)).toBe(null);
  agent.child.kill('SIGTERM');
  expect(await agent.exited).toBe(0);
});

test('the log can go into a file, with the line that it ended with', async () => {
  const coordinator = await testCoordinator();
  coordinator.behaviour.refuseEnrolment = 'enrolment-token-used';
  const folder = await packageFolder(coordinator);
  const agent = runAgentProgram(['run', '--log-file', 'agent.log'], { cwd: folder });
  expect(await agent.exited).toBe(AGENT_EXIT.enrolmentRefused);
  expect(await readFile(join(folder, 'agent.log'), 'utf8')).toContain('(enrolment-token-used)');
  expect((await stat(join(folder, 'agent.log'))).mode & 0o777).toBe(0o600);
  expect(agent.stderr().trim().split('\n')).toHaveLength(1);
});

test('a log file never grows beyond its bound, and the one before it is kept', async () => {
  const path = join(await temporaryFolder(), 'agent.log');
  for (let round = 0; round < 3; round++) {
    // Begun anew, as a restarted agent does.
    const write = logFile(path, 100);
    for (let line = 0; line < 7; line++) write(`${'x'.repeat(19)}\n`);
  }
  expect((await stat(path)).size).toBeLessThanOrEqual(100);
  expect((await stat(`${path}.1`)).size).toBe(100);
});
