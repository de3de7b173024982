import { readdir, rm } from 'node:fs/promises';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';
import { statusOfRunning } from './await-connected.ts';
import type { ServiceDeps } from './install-service.ts';
import { removeTree } from './place-files.ts';
import { findAccount, removeAccount } from './service-account.ts';

export interface UninstallRequest {
  /** Also configuration, identity, state and account. */
  readonly purge: boolean;
}

/** Takes the service away. Configuration, identity and state stay, so that it can be installed again, unless `purge` is given. */
export async function uninstallService(deps: ServiceDeps, { purge }: UninstallRequest): Promise<void> {
  const { layout, manager, say, tools } = deps;
  const taken = await manager.whyTaken(layout);
  if (taken !== null) throw new AgentExit(AGENT_EXIT.serviceRefused, taken, 'Nothing was removed.');
  await manager.uninstall(layout);
  const running = await statusOfRunning(layout.state);
  if (running !== null) {
    throw new AgentExit(
      AGENT_EXIT.serviceFailed,
      `The agent still runs (process ${running.pid}): it was not started by ${['none', 'background'].includes(manager.name) ? 'a service manager' : manager.name}.`,
      'End it, and call this again.',
    );
  }
  const account = layout.scope === 'system' && layout.platform !== 'win32' ? await findAccount(tools, layout) : null;
  await rm(layout.launcher, { force: true });
  if (layout.tool !== null) await removeTool(layout.tool, say);
  await removeTree(layout.program, account);
  if (layout.launcherFolder !== layout.configFolder) await removeIfEmpty(layout.launcherFolder);
  if (!purge) {
    say(
      `The service "${layout.name}" is removed. Configuration and state are kept in ${layout.configFolder} and ${layout.state}.`,
    );
    return;
  }
  await removeTree(layout.state, account);
  await removeTree(layout.configFolder, account);
  if (account !== null) await removeAccount(tools, layout);
  say(`The service "${layout.name}" is removed, with its configuration, identity and state.`);
}

async function removeTool(path: string, say: (line: string) => void): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch {
    // Windows keeps a program that runs, and this may be it.
    say(`${path} cannot be removed while it runs; delete it when this has ended.`);
  }
}

async function removeIfEmpty(folder: string): Promise<void> {
  if ((await readdir(folder).catch(() => ['unknown'])).length === 0) await rm(folder, { recursive: true });
}
