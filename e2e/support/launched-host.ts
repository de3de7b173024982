import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { launcherText } from '../../agent/installation/launcher.ts';
import { ProgramFolder } from '../../agent/installation/program-folder.ts';
import { type Way, writeRunnerConfig } from '../../bench/harness/agent.ts';
import type { ApiClient } from '../../bench/harness/api-client.ts';
import type { CoordinatorProcess } from '../../bench/harness/coordinator.ts';
import { type RunningProgram, startProgram } from '../../bench/harness/process.ts';
import type { NewRunner } from '../../protocol/api/runners.ts';
import { expect } from './test.ts';

/** A host on which the agent is installed as a service would have it: a launcher that starts the version in use. */
export interface LaunchedHost {
  readonly runner: string;
  readonly folder: ProgramFolder;
  start(): RunningProgram;
}

/** Creates a Runner and installs this executable for it below `home`; nothing is started yet. */
export async function installHost(
  coordinator: CoordinatorProcess,
  home: string,
  executable: { readonly path: string; readonly version: string },
  runner: Partial<NewRunner> & { name: string },
  way: Way = {},
): Promise<LaunchedHost> {
  const { id } = await writeRunnerConfig(coordinator, home, { projects: [{ project: 'Welcome' }], ...runner }, way);
  const state = path.join(home, 'state');
  const folder = new ProgramFolder(path.join(state, 'program'));
  await folder.install(executable.path, executable.version);
  await mkdir(path.join(home, 'opt'));
  const launcher = path.join(home, 'opt', 'launch');
  await writeFile(launcher, launcherText());
  const settings = ['run', '--config', path.join(home, 'runner.json'), '--state', state];
  return { runner: id, folder, start: () => startProgram('/bin/sh', [launcher, folder.path, ...settings]) };
}

/** Resolves when the Runner is Healthy with this version. */
export async function healthyWith(api: ApiClient, runner: string, version: string): Promise<void> {
  const now = async () => {
    const { status, version: has, reconnecting } = await api.call('getRunner', { params: { id: runner } });
    return `${status} ${has} ${reconnecting}`;
  };
  await expect.poll(now, { timeout: 30_000, intervals: [50] }).toBe(`Healthy ${version} false`);
}

/** Ends what the launcher of this program folder had started, by what its environment says. */
export async function endAgents(program: string): Promise<void> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const environment = await readFile(`/proc/${name}/environ`, 'latin1').catch(() => '');
    if (environment.includes(`OUTRUNNER_LAUNCHED=${program}/`)) process.kill(Number(name), 'SIGKILL');
  }
}
