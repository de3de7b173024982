import { existsSync } from 'node:fs';
import { readdir, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../protocol/clock.ts';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { compareVersions } from '../../protocol/product-version.ts';
import { AgentExit, isFullDisk, systemCode } from '../agent-exit.ts';
import { isSpent, loadIdentity } from '../config/identity-file.ts';
import { loadRunnerConfig } from '../config/runner-config.ts';
import { processFacts } from '../executors/linux-processes.ts';
import { forgetLastEnd, readLastEnd } from '../host/last-end.ts';
import { lockHolder } from '../host/state-lock.ts';
import { launcherText } from '../installation/launcher.ts';
import { type Layout, SERVICE_NAME } from '../installation/layout.ts';
import { ProgramFolder, sha256File, versionId } from '../installation/program-folder.ts';
import { asAccount } from './as-account.ts';
import { awaitConnected, logHint, statusOfRunning } from './await-connected.ts';
import { type ChosenConfig, type ConfigFile, chooseConfig } from './choose-config.ts';
import { endAgent } from './in-background.ts';
import { forgetBefore, makeFolder, placeProgram, placeText } from './place-files.ts';
import { type Account, makeAccount, removeAccount } from './service-account.ts';
import { agentArguments, type ServiceManager } from './service-manager.ts';
import { failed, type Tools } from './tools.ts';
import { Undo } from './undo.ts';

export interface ServiceDeps {
  readonly clock: Clock;
  readonly tools: Tools;
  readonly layout: Layout;
  readonly manager: ServiceManager;
  /** Tells the person one line of what is done. */
  readonly say: (line: string) => void;
}

export interface InstallRequest {
  /** The packed executable that is installed, and its version. */
  readonly executable: string;
  readonly version: string;
  /** The package's `runner.json`; it need not be there when the service has one already. */
  readonly config: string;
  /** Whether to start it now; else it is started with the host. */
  readonly start: boolean;
  /** Whether it may take the place of another Runner. */
  readonly replace: boolean;
  /** Whether jobs may become other users; null: as it is, which is no. */
  readonly sudo: boolean | null;
  /** PATH of the person who installs, for the steps. */
  readonly path: string | null;
  /** How long to wait for the connection. */
  readonly waitMs: number;
}

/** What lies in a state folder that is an agent's. */
const OURS = ['identity.json', 'enrolment.json', 'status.json', 'operations', 'program', 'home', 'ended.json'];

/**
 * Installs the agent as a service: makes what is missing, repairs what is not as it must be, puts a newer version in the place
 * of an older one, keeps identity and state, starts it and waits until it is connected. A step that fails takes back what was
 * changed. Ends with an {@link AgentExit} when it is not all well, and says how far it got.
 */
export async function installService(deps: ServiceDeps, request: InstallRequest): Promise<void> {
  const { layout, say, manager } = deps;
  await checkPlace(deps);
  const chosen = await decideConfig(layout, request);
  const before = await statusOfRunning(layout.state);
  const undo = new Undo();
  let done: Placed;
  try {
    done = await placeAll(deps, request, chosen, undo);
    if (request.start && manager.cannotStart === null) await startWhenNeeded(deps, done, before !== null, undo);
  } catch (error) {
    say('That did not work; what was changed is taken back.');
    await undo.run(say);
    throw asFileProblem(error);
  }
  if (layout.tool !== null) await forgetBefore(layout.tool);
  await concludeInstall(deps, request, done);
}

/** What a file system refused, as a line for a person; any other error as it is. */
function asFileProblem(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AgentExit || !('syscall' in error)) return error;
  const { path = 'A file', dest: what = path } = error as NodeJS.ErrnoException & { readonly dest?: string };
  if (isFullDisk(error)) return failed(`${what} could not be written: no space left on its disk.`, 'Make some room.');
  return failed(`${what} could not be written (${systemCode(error)}).`);
}

/** Nothing that is somebody else's is touched. */
async function checkPlace({ manager, layout }: ServiceDeps): Promise<void> {
  const taken = (await manager.whyTaken(layout)) ?? (await whyFoldersAreTaken(layout));
  if (taken === null) return;
  throw new AgentExit(AGENT_EXIT.serviceRefused, taken, 'Choose another name with --name.');
}

async function whyFoldersAreTaken({ name, configFolder, config, state, launcher }: Layout): Promise<string | null> {
  if (existsSync(launcher) && !(await readFile(launcher, 'utf8')).includes('Outrunner agent'))
    return `${launcher} is there and is not ours.`;
  // Our own name on a folder says whose it is.
  if (name === SERVICE_NAME) return null;
  const namesIn = async (folder: string) => await readdir(folder).catch((): string[] => []);
  if ((await namesIn(configFolder)).length > 0 && !existsSync(config))
    return `${configFolder} is there and is not a Runner's.`;
  const inState = await namesIn(state);
  if (inState.length > 0 && !inState.some((one) => OURS.includes(one)))
    return `${state} is there and is not a Runner's.`;
  return null;
}

async function decideConfig(layout: Layout, request: InstallRequest): Promise<ChosenConfig> {
  const installed = existsSync(layout.config) ? await readConfig(layout.config) : null;
  // A repair needs no package.
  const offered = installed !== null && !existsSync(request.config) ? null : await readConfig(request.config);
  const identity = await loadIdentity(layout.state);
  const token = offered?.config.enrolment?.token;
  const lastEnd = await readLastEnd(layout.state);
  return chooseConfig({
    offered,
    installed,
    identity,
    lastEnd: lastEnd?.exitCode ?? null,
    isSpent: token !== undefined && (await isSpent(layout.state, token)),
    replace: request.replace,
  });
}

/** Whole, and without what only holds beside the package: certificates that it names are in it. */
async function readConfig(path: string): Promise<ConfigFile> {
  const { config } = await loadRunnerConfig(path, {});
  const raw = z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(path, 'utf8')));
  return { path, config, raw: config.ca === undefined ? raw : { ...raw, ca: config.ca } };
}

interface Placed {
  readonly account: Account | null;
  readonly runner: string;
  /** The version in use. */
  readonly version: string;
  /** Whether an agent that runs has to be started anew. */
  readonly changed: boolean;
}

async function placeAll(deps: ServiceDeps, request: InstallRequest, chosen: ChosenConfig, undo: Undo): Promise<Placed> {
  const { layout, say, manager } = deps;
  const account = await provideAccount(deps, undo);
  if (chosen.identity === 'dropped') await manager.stop(layout);
  await placeFolders(deps, account, undo);
  const launcherChanged = await placeText(layout.launcher, launcherText(layout.platform), 0o755, null, undo);
  const program = await placeVersion(deps, request, account, undo);
  if (chosen.identity === 'dropped') await dropIdentity(layout, account);
  const text = `${JSON.stringify(chosen.raw, null, 2)}\n`;
  const configChanged = await placeText(layout.config, text, 0o600, account, undo);
  if (chosen.identity === 'kept') say(`This host is enrolled as "${chosen.runner.name}" already, and stays so.`);
  const unitChanged = await defineService(deps, request, account, undo);
  const { version } = program;
  const changed = program.changed || launcherChanged || configChanged || unitChanged;
  return { account, runner: chosen.runner.name, version, changed };
}

async function provideAccount({ tools, layout, say }: ServiceDeps, undo: Undo): Promise<Account | null> {
  // On Windows it is one that the system has.
  if (layout.scope === 'user' || layout.platform === 'win32') return null;
  const { account, isNew } = await makeAccount(tools, layout);
  if (isNew) {
    undo.add(() => removeAccount(tools, layout));
    say(`Made the user "${account.user}", with no rights but its own.`);
  }
  return account;
}

async function placeFolders({ layout, tools }: ServiceDeps, account: Account | null, undo: Undo): Promise<void> {
  if (layout.launcherFolder !== layout.configFolder) await makeFolder(layout.launcherFolder, 0o755, null, undo);
  await makeFolder(layout.configFolder, 0o700, account, undo);
  await makeFolder(layout.state, 0o700, account, undo);
  const home = layout.home;
  if (home !== null) await asAccount(account, () => makeFolder(home, 0o700, null, undo));
  if (layout.platform === 'win32' && layout.scope === 'system') {
    // The system, administrators, and the account of the task; by their numbers, since names are translated.
    const rights = ['*S-1-5-18:(OI)(CI)F', '*S-1-5-32-544:(OI)(CI)F', '*S-1-5-19:(OI)(CI)M'];
    await tools.must('icacls.exe', [layout.configFolder, '/inheritance:r', '/grant:r', ...rights]);
  }
}

/** Puts the executable in as the version in use, unless a newer one is, and shows that it starts there. */
async function placeVersion(
  { layout, say, tools }: ServiceDeps,
  { executable, version }: InstallRequest,
  account: Account | null,
  undo: Undo,
): Promise<{ version: string; changed: boolean }> {
  const folder = new ProgramFolder(layout.program, layout.platform);
  const before = await folder.current();
  const inUse = before === null ? '' : before.slice(0, before.lastIndexOf('-'));
  if (before !== null && compareVersions(inUse, version) > 0 && (await folder.isThere(before))) {
    say(`Version ${inUse} is in use, which is newer than this one (${version}); it stays.`);
    return { version: inUse, changed: false };
  }
  if (await isWhole(folder, before, versionId(version, await sha256File(executable)), layout.tool)) {
    say(`Version ${version} is in ${layout.program} already.`);
    return { version, changed: false };
  }
  // The account may not be able to read what lies in the folder of a person.
  const source = layout.tool ?? (account === null ? executable : join(layout.configFolder, '.executable'));
  if (source !== executable && source !== (await realpath(executable))) await placeProgram(executable, source, undo);
  const id = await asAccount(account, async () => {
    // What a disk has damaged is put in anew.
    if (before !== null && (await folder.isThere(before)) && !(await isVersion(folder.executableOf(before), before)))
      await rm(folder.executableOf(before), { force: true });
    return await folder.install(source, version);
  });
  if (layout.tool === null && source !== executable) await rm(source, { force: true });
  if (before !== null && before !== id) undo.add(() => asAccount(account, () => folder.use(before)));
  const as = account === null || process.getuid?.() !== 0 ? {} : { uid: account.uid, gid: account.gid };
  const trial = await tools.run(folder.executableOf(id), ['version', '--json'], as);
  if (trial.code !== 0) {
    throw failed(
      `The agent does not start in ${layout.program} (exit ${trial.code}): ${trial.stderr.trim().split('\n').at(-1) ?? ''}`,
      'A file system that is mounted "noexec", or a policy of this host (SELinux, fapolicyd, AppLocker), may forbid it.',
    );
  }
  say(`Version ${version} is in ${layout.program}.`);
  return { version, changed: before !== id };
}

/** Whether the version that shall be in use is, undamaged, and the administrator's copy is the same. */
async function isWhole(
  folder: ProgramFolder,
  before: string | null,
  id: string,
  tool: string | null,
): Promise<boolean> {
  if (before !== id || !(await folder.isThere(id)) || !(await isVersion(folder.executableOf(id), id))) return false;
  return tool === null || (existsSync(tool) && (await isVersion(tool, id)));
}

async function isVersion(path: string, id: string): Promise<boolean> {
  return (await sha256File(path)).startsWith(id.slice(id.lastIndexOf('-') + 1));
}

/** What belongs to the Runner that was here goes: its work can be handed over to nobody. */
async function dropIdentity(layout: Layout, account: Account | null): Promise<void> {
  await asAccount(account, async () => {
    for (const name of ['identity.json', 'enrolment.json', 'operations', 'status.json'])
      await rm(join(layout.state, name), { recursive: true, force: true });
  });
}

async function defineService(
  { layout, manager, say }: ServiceDeps,
  { sudo, path }: InstallRequest,
  account: Account | null,
  undo: Undo,
): Promise<boolean> {
  const before = await manager.installed(layout);
  const shell = ['/bin/sh', layout.launcher, ...(manager.name === 'launchd' ? ['--launchd'] : [])];
  const spec = {
    layout,
    account,
    command: [...shell, ...agentArguments(layout)],
    path: layout.scope === 'user' ? path : null,
    sudo: sudo ?? before?.sudo ?? false,
  };
  if (before === null) undo.add(() => manager.uninstall(layout));
  else undo.add(() => manager.install({ ...spec, sudo: before.sudo }));
  const changed = await manager.install(spec);
  if (manager.name !== 'none' && manager.name !== 'background')
    say(`The service "${layout.name}" is known to ${manager.name}.`);
  return changed;
}

async function startWhenNeeded(
  { layout, manager, say, clock }: ServiceDeps,
  { account, changed }: Placed,
  wasRunning: boolean,
  undo: Undo,
): Promise<void> {
  const { activity, pid } = await manager.status(layout);
  // It was started in the background, when the host could not start it yet: it would keep the service from its state.
  const maybe = wasRunning && manager.name === 'systemd' && layout.scope === 'user';
  const isApart = maybe && !(await isAgentOf(pid, layout));
  if (isApart) await endAgent(layout, clock);
  // One that is as it must be is not disturbed in its work.
  if (!changed && wasRunning && !isApart && activity === 'running') return;
  await asAccount(account, () => forgetLastEnd(layout.state));
  undo.add(() => (wasRunning ? manager.start(layout) : manager.stop(layout)));
  say(wasRunning ? 'Starting it anew; what runs now gets time to finish.' : 'Starting it.');
  await manager.start(layout);
}

/** Whether the agent that runs was started by the launcher with this number. */
async function isAgentOf(launcher: number | null, { state }: Layout): Promise<boolean> {
  const holder = await lockHolder(state);
  return holder === null || processFacts(holder.pid)?.parent === launcher;
}

async function concludeInstall(deps: ServiceDeps, { start, waitMs }: InstallRequest, placed: Placed): Promise<void> {
  const { layout, manager, say } = deps;
  const remark = await manager.remark(layout);
  if (remark !== null) say(remark);
  if (!start) {
    say(`It is not started. ${await howToStart(deps, placed.account)}`);
    return;
  }
  if (manager.cannotStart !== null) {
    const message = `${manager.cannotStart} The files are in place, and nothing was started.`;
    throw new AgentExit(AGENT_EXIT.serviceNotStarted, message, await howToStart(deps, placed.account));
  }
  const status = await awaitConnected({ ...deps, account: placed.account }, waitMs);
  say(`Healthy: "${status.runner.name}", version ${status.version}, is connected to ${status.coordinator}.`);
  const hint = logHint(layout);
  if (hint !== '') say(hint);
}

/** One line that a person can paste. */
async function howToStart({ layout, manager, tools }: ServiceDeps, account: Account | null): Promise<string> {
  if (manager.name !== 'none' && manager.cannotStart === null) {
    const scope = layout.scope === 'user' ? ' --user' : '';
    return `Start it with: "${layout.tool ?? (await ownTool(layout))}" service start${scope} --name ${layout.name}`;
  }
  const words = ['/bin/sh', layout.launcher, ...agentArguments(layout)].map((word) =>
    /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`,
  );
  const command = words.join(' ');
  if (account === null) return `Start it with: ${command}`;
  if (tools.find('runuser') !== null) return `Start it with: runuser -u ${account.user} -- ${command}`;
  return `Start it with: su -s /bin/sh ${account.user} -c "${command.replace(/["$\\`]/g, '\\$&')}"`;
}

/** The executable of a person's agent, which lies on no search path. */
async function ownTool(layout: Layout): Promise<string> {
  const folder = new ProgramFolder(layout.program, layout.platform);
  const id = await folder.current();
  return id === null ? 'outrunner-agent' : folder.executableOf(id);
}
