import { type PlatformPath, posix, win32 } from 'node:path';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';
import { launcherName } from './launcher.ts';

/** Name of the service when none is given. */
export const SERVICE_NAME = 'outrunner-agent';
/** A name becomes a folder, a unit and, on Linux, an account. */
const NAME = /^[a-z][a-z0-9-]{0,30}$/;

/** Of the host, started with it; or of one person, who needs no administrator. */
export type ServiceScope = 'system' | 'user';

export interface LayoutPlace {
  readonly platform: NodeJS.Platform;
  readonly scope: ServiceScope;
  readonly name: string;
  /** Home of the person; read for the scope `user`. */
  readonly home: string;
  /** `ProgramData`, `ProgramFiles` and `LOCALAPPDATA` are read, on Windows. */
  readonly env: NodeJS.ProcessEnv;
}

/** Where the agent that is installed as a service has its files. All paths are absolute. */
export interface Layout {
  readonly platform: NodeJS.Platform;
  readonly scope: ServiceScope;
  readonly name: string;
  /** Folder of `runner.json`; of the account that the agent runs as, since it takes the used token out of the file. */
  readonly configFolder: string;
  readonly config: string;
  readonly state: string;
  /** Versions of the agent, written by the agent itself. */
  readonly program: string;
  /** Folder that the agent cannot write to where it is not the same as others (Linux and Windows, scope `system`). */
  readonly launcherFolder: string;
  readonly launcher: string;
  /** A copy of the executable for administrators, so that root runs nothing that the agent may write; else null. */
  readonly tool: string | null;
  /** Home of the steps: apart from the identity, so that a careless `rm -rf ~/*` does not end the Runner; else null. */
  readonly home: string | null;
  /** What the service manager reads: unit, property list, or task. */
  readonly definition: string;
  /** The agent's log where no service manager keeps one; else null. */
  readonly log: string | null;
}

/** Ends with a usage error when the name cannot be one of a service. */
export function checkServiceName(name: string): string {
  if (NAME.test(name)) return name;
  throw new AgentExit(
    AGENT_EXIT.usage,
    `"${name}" cannot be the name of a service.`,
    'Use up to 31 small letters, digits and hyphens that begin with a letter.',
  );
}

/** The label of the service with launchd. */
export function launchdLabel(name: string): string {
  return `io.outrunner.${name}`;
}

/**
 * The paths of an installation: a function of its arguments alone. `XDG_*` are not read on purpose: a later call from
 * another session must find what this one made.
 */
export function layoutOf(place: LayoutPlace): Layout {
  checkServiceName(place.name);
  if (place.platform === 'win32') return windowsLayout(place);
  return place.platform === 'darwin' ? macLayout(place) : linuxLayout(place);
}

function linuxLayout({ platform, scope, name, home }: LayoutPlace): Layout {
  const isSystem = scope === 'system';
  const below = (system: string, user: string) => (isSystem ? system : posix.join(absolute(home, posix), user));
  const configFolder = below(`/etc/${name}`, `.config/${name}`);
  const state = below(`/var/lib/${name}`, `.local/state/${name}`);
  const launcherFolder = below(`/opt/${name}`, `.local/share/${name}`);
  return {
    platform,
    scope,
    name,
    configFolder,
    config: posix.join(configFolder, 'runner.json'),
    state,
    program: posix.join(state, 'program'),
    launcherFolder,
    launcher: posix.join(launcherFolder, launcherName(platform)),
    tool: isSystem ? posix.join(launcherFolder, 'outrunner-agent') : null,
    home: isSystem ? posix.join(state, 'home') : null,
    definition: below(`/etc/systemd/system/${name}.service`, `.config/systemd/user/${name}.service`),
    log: null,
  };
}

function macLayout({ platform, scope, name, home }: LayoutPlace): Layout {
  const isSystem = scope === 'system';
  const library = isSystem ? '/Library' : posix.join(absolute(home, posix), 'Library');
  const folder = posix.join(library, 'Application Support', 'Outrunner', name);
  const state = posix.join(folder, 'state');
  return {
    platform,
    scope,
    name,
    configFolder: folder,
    config: posix.join(folder, 'runner.json'),
    state,
    program: posix.join(state, 'program'),
    launcherFolder: folder,
    launcher: posix.join(folder, launcherName(platform)),
    tool: null,
    home: isSystem ? posix.join(state, 'home') : null,
    definition: posix.join(library, isSystem ? 'LaunchDaemons' : 'LaunchAgents', `${launchdLabel(name)}.plist`),
    log: posix.join(state, 'agent.log'),
  };
}

function windowsLayout({ platform, scope, name, env }: LayoutPlace): Layout {
  const isSystem = scope === 'system';
  const root = (variable: string) =>
    win32.join(absolute(variableOf(env, variable), win32, variable), 'Outrunner', name);
  const folder = root(isSystem ? 'ProgramData' : 'LOCALAPPDATA');
  const launcherFolder = isSystem ? root('ProgramFiles') : folder;
  const state = win32.join(folder, 'state');
  return {
    platform,
    scope,
    name,
    configFolder: folder,
    config: win32.join(folder, 'runner.json'),
    state,
    program: win32.join(state, 'program'),
    launcherFolder,
    launcher: win32.join(launcherFolder, launcherName(platform)),
    tool: isSystem ? win32.join(launcherFolder, 'outrunner-agent.exe') : null,
    home: null,
    definition: `\\Outrunner\\${name}`,
    log: win32.join(state, 'agent.log'),
  };
}

/** Windows does not care how a variable is written. */
function variableOf(env: NodeJS.ProcessEnv, name: string): string {
  const key = Object.keys(env).find((one) => one.toUpperCase() === name.toUpperCase());
  return key === undefined ? '' : (env[key] ?? '');
}

function absolute(path: string, rules: PlatformPath, what = 'The home folder'): string {
  // Without a drive, what Windows calls absolute depends on where the program was started.
  const isWhole = rules.isAbsolute(path) && (rules === posix || /^[A-Za-z]:|^\\\\/.test(path));
  if (isWhole && !hasControl(path)) return rules.normalize(path);
  throw new AgentExit(
    AGENT_EXIT.usage,
    `${what} is "${path}", which is no absolute path.`,
    'Set it as a log-in does, and try again.',
  );
}

/** A line end or a NUL cannot be written into a unit, a property list or a task. */
function hasControl(path: string): boolean {
  return [...path].some((character) => character < ' ' || character === '\u007f');
}
