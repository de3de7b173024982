import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../protocol/clock.ts';
import type { RunnerConfig } from '../../protocol/enrolment.ts';
import { createLog } from '../log.ts';
import { type RunningAgent, startAgent } from '../start-agent.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { TestCoordinator } from './test-coordinator.ts';

/** A whole agent in this process, over real sockets and files. */
export interface TestAgent extends RunningAgent {
  readonly folder: string;
  readonly state: string;
  /** What it logged so far. */
  readonly lines: string[];
}

export interface TestAgentOptions {
  readonly folder?: string;
  readonly config?: Partial<RunnerConfig>;
  readonly env?: NodeJS.ProcessEnv;
  readonly clock?: Clock;
}

/** A small disk is enough, and nobody waits for what runs when a test is over. */
const BASE_ENV = { OUTRUNNER_DISK_FLOOR_MB: '1', OUTRUNNER_FINISH_SECONDS: '0' };

/** A coordinator that is stopped when the test has finished. The test fails if the agent broke the protocol. */
export async function testCoordinator(tls?: { key: string; cert: string }, port?: number): Promise<TestCoordinator> {
  const coordinator = await new TestCoordinator(tls ?? null).start(port);
  onTestFinished(async () => {
    await coordinator.stop();
    if (coordinator.faults.length > 0)
      throw new Error(`The agent broke the protocol: ${coordinator.faults.join('; ')}`);
  });
  return coordinator;
}

/** Starts an agent for a coordinator; it is stopped when the test has finished. */
export async function testAgent(coordinator: TestCoordinator, options: TestAgentOptions = {}): Promise<TestAgent> {
  const folder = options.folder ?? (await temporaryFolder());
  const config = join(folder, 'runner.json');
  const state = join(folder, 'state');
  await writeFile(config, JSON.stringify({ ...coordinator.config(), ...options.config }), { mode: 0o600 });
  const lines: string[] = [];
  const clock = options.clock ?? systemClock();
  const agent = await startAgent({
    paths: { config, state },
    log: createLog('plain', clock, (line) => void lines.push(line)),
    clock,
    // No control groups: they take a whole process, and this one runs other tests beside.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...BASE_ENV, OUTRUNNER_CGROUPS: 'off', ...options.env },
    random: () => 0.1,
  });
  // The test looks at how it ended; without this, a rejection before it looks would end the test run.
  agent.ended.catch(() => undefined);
  onTestFinished(async () => {
    agent.stop('the test is over');
    await agent.ended.catch(() => undefined);
  });
  return { ...agent, folder, state, lines };
}
