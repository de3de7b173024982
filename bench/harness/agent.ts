import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hostTarget } from '../../build/agents/base-runtime.ts';
import type { NewRunner, Runner } from '../../protocol/api/runners.ts';
import { type RunnerConfig, RunnerConfigSchema } from '../../protocol/enrolment.ts';
import { AGENT_TARGET_TABLE } from '../../protocol/release.ts';
import type { CoordinatorProcess } from './coordinator.ts';
import { type RunningProgram, startProgram } from './process.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** A real agent in a process of its own, with a configuration as a package holds it. */
export interface AgentProcess {
  readonly program: RunningProgram;
  readonly runner: Runner;
  readonly folder: string;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** The way from the agent to the coordinator, where it is not the one of the API client. */
export type Way = { url?: string } & Pick<RunnerConfig, 'ca' | 'proxy'>;

/** Creates a Runner and writes the `runner.json` that its package would hold into `folder`. */
export async function writeRunnerConfig(
  coordinator: Pick<CoordinatorProcess, 'api' | 'publicKey'>,
  folder: string,
  runner: Partial<NewRunner> & { name: string },
  { url, ...way }: Way = {},
): Promise<Runner> {
  const { api } = coordinator;
  const created = await api.call('createRunner', {
    body: { description: 'made by a program', tags: ['bench'], ...runner },
  });
  const config = RunnerConfigSchema.parse({
    version: 1,
    coordinator: { url: url ?? api.url, publicKey: await coordinator.publicKey() },
    runner: { id: created.runner.id, name: created.runner.name },
    enrolment: created.enrolment,
    ...way,
  });
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'runner.json'), JSON.stringify(config, null, 2), { mode: 0o600 });
  return created.runner;
}

/** Creates a Runner, writes its `runner.json` into `folder` and starts the agent; resolves when it is Healthy. */
export async function startAgent(
  coordinator: Pick<CoordinatorProcess, 'api' | 'publicKey'>,
  folder: string,
  runner: Partial<NewRunner> & { name: string },
  options: RunAgentOptions = {},
): Promise<AgentProcess> {
  const { api } = coordinator;
  const created = await writeRunnerConfig(coordinator, folder, runner);
  const live = await api.live();
  const program = runAgent(folder, undefined, options);
  const healthy = live.until(
    (event) =>
      event.topic === 'runner' &&
      event.action !== 'deleted' &&
      event.id === created.id &&
      event.runner.status === 'Healthy',
  );
  const early = program.ended.then(({ code }) => {
    throw new Error(`The agent ended with ${code} before it was Healthy:\n${program.output()}`);
  });
  await Promise.race([healthy, early]);
  live.close();
  return {
    program,
    runner: created,
    folder,
    async stop() {
      await program.stop('SIGTERM');
    },
    async kill() {
      await program.stop('SIGKILL');
    },
  };
}

export interface RunAgentOptions {
  /** The packed executable; absent: the bundle under Node. */
  readonly executable?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts the agent on a folder that holds a `runner.json`. */
export function runAgent(folder: string, wrap?: readonly string[], options: RunAgentOptions = {}): RunningProgram {
  return startProgram(
    options.executable ?? process.execPath,
    [
      ...(options.executable === undefined ? [path.join(root, 'dist/agent/agent.cjs')] : []),
      'run',
      '--config',
      path.join(folder, 'runner.json'),
      '--state',
      path.join(folder, 'state'),
    ],
    {
      cwd: folder,
      env: { ...process.env, ...options.env },
      ...(wrap ? { wrap } : {}),
    },
  );
}

/** The agent executable of this host, as it was built. */
export function packedAgent(): string {
  const target = hostTarget();
  return path.join(root, 'dist/agents', target, AGENT_TARGET_TABLE[target].executable);
}
