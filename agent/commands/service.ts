import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isSea } from 'node:sea';
import { MessageChannel } from 'node:worker_threads';
import { Command, Option } from 'commander';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { PRODUCT_VERSION } from '../../protocol/version.ts';
import { AgentExit } from '../agent-exit.ts';
import { checkServiceName, type Layout, layoutOf, SERVICE_NAME, type ServiceScope } from '../installation/layout.ts';
import { chooseManager } from '../service/choose-manager.ts';
import { installService, type ServiceDeps } from '../service/install-service.ts';
import { reportService, serviceReport } from '../service/service-report.ts';
import { systemTools } from '../service/tools.ts';
import { uninstallService } from '../service/uninstall-service.ts';
import type { CommandContext } from './command-options.ts';

interface ServiceOptions {
  readonly user?: boolean;
  readonly name: string;
}

interface InstallOptions extends ServiceOptions {
  readonly config?: string;
  readonly start: boolean;
  readonly replace?: boolean;
  readonly sudo?: boolean;
  readonly wait: number;
}

const WAIT_SECONDS = 30;

/** `outrunner-agent service …`: the agent as a service of this host, or of one person. */
export function serviceCommand(context: CommandContext): Command {
  return new Command('service')
    .description('install the agent as a service, and control it')
    .addCommand(installCommand(context))
    .addCommand(uninstallCommand(context))
    .addCommand(startCommand(context))
    .addCommand(stopCommand(context))
    .addCommand(statusCommand(context));
}

function installCommand(context: CommandContext): Command {
  return addScope(new Command('install'))
    .description('install this executable and its configuration; again: repair, or put in a newer version')
    .option('--config <runner.json>', 'the configuration (default: runner.json beside the program)')
    .option('--no-start', 'put everything in place, and do not start it now')
    .option('--replace', 'take the place of another Runner that is installed here')
    .option('--sudo', 'let jobs become other users (sudo); without it, what was chosen before stays')
    .option('--no-sudo', 'keep jobs from becoming other users; what a new installation does')
    .addOption(
      new Option('--wait <seconds>', 'how long to wait for the connection')
        .argParser((text) => secondsOf(text))
        .default(WAIT_SECONDS),
    )
    .action(async (options: InstallOptions) => {
      const executable = packedExecutable();
      const deps = await open(context, options, true);
      const config = resolve(
        options.config ?? context.env.OUTRUNNER_CONFIG ?? join(dirname(executable), 'runner.json'),
      );
      await awake(() =>
        installService(deps, {
          executable,
          version: PRODUCT_VERSION,
          config,
          start: options.start,
          replace: options.replace ?? false,
          sudo: options.sudo ?? null,
          path: context.env.PATH ?? null,
          waitMs: options.wait * 1000,
        }),
      );
    });
}

function uninstallCommand(context: CommandContext): Command {
  return addScope(new Command('uninstall'))
    .description('stop the service and take it away; configuration, identity and state stay')
    .option('--purge', 'take these away, too')
    .action(async (options: ServiceOptions & { purge?: boolean }) => {
      const deps = await open(context, options, true);
      await awake(() => uninstallService(deps, { purge: options.purge ?? false }));
    });
}

function startCommand(context: CommandContext): Command {
  return addScope(new Command('start'))
    .description('start the service, or start it anew')
    .action(async (options: ServiceOptions) => {
      const { manager, layout, say } = await openInstalled(context, options);
      if (manager.cannotStart !== null) throw new AgentExit(AGENT_EXIT.serviceNotStarted, manager.cannotStart);
      await awake(() => manager.start(layout));
      say(`The service "${layout.name}" is started.`);
    });
}

function stopCommand(context: CommandContext): Command {
  return addScope(new Command('stop'))
    .description('stop the service; what still runs gets time to finish')
    .action(async (options: ServiceOptions) => {
      const { manager, layout, say } = await openInstalled(context, options);
      if (manager.cannotStart !== null) throw new AgentExit(AGENT_EXIT.serviceNotStarted, manager.cannotStart);
      await awake(() => manager.stop(layout));
      say(`The service "${layout.name}" is stopped.`);
    });
}

function statusCommand(context: CommandContext): Command {
  return addScope(new Command('status'))
    .description('say how the service and its agent are; exit code 0 when it is connected')
    .option('--json', 'as JSON')
    .action(async (options: ServiceOptions & { json?: boolean }) => {
      const { layout, manager } = await open(context, options, false);
      const report = await awake(() => serviceReport(layout, manager));
      if (options.json) context.stdout(`${JSON.stringify(report)}\n`);
      else for (const line of reportService(report)) context.stdout(`${line}\n`);
      process.exitCode = report.exitCode;
    });
}

function addScope(command: Command): Command {
  return command
    .option('--user', 'for you alone, without an administrator')
    .addOption(
      new Option('--name <name>', 'name of the service; with another one, a second Runner can be on this host')
        .argParser((text) => checkServiceName(text))
        .default(SERVICE_NAME),
    );
}

async function open(context: CommandContext, options: ServiceOptions, changes: boolean): Promise<ServiceDeps> {
  const { clock, env } = context;
  const scope: ServiceScope = options.user === true ? 'user' : 'system';
  const place = layoutOf({ platform: process.platform, scope, name: options.name, home: homedir(), env });
  const tools = systemTools(env);
  const manager = chooseManager(tools, place, clock, env);
  // Nobody keeps what it prints.
  const layout = manager.name === 'background' ? { ...place, log: join(place.state, 'agent.log') } : place;
  const deps: ServiceDeps = {
    clock,
    tools,
    layout,
    manager,
    say: (line) => context.stdout(`${line}\n`),
  };
  if (changes) await checkRights(deps, env);
  return deps;
}

async function openInstalled(context: CommandContext, options: ServiceOptions): Promise<ServiceDeps> {
  const deps = await open(context, options, true);
  const { manager, layout } = deps;
  if (manager.name === 'none' || (await manager.installed(layout)) !== null) return deps;
  if (manager.name === 'background' && existsSync(layout.launcher)) return deps;
  throw absent(layout);
}

function absent({ name, scope }: Layout): AgentExit {
  const [where, other] = scope === 'user' ? ['for you', 'without'] : ['on this host', 'with'];
  return new AgentExit(
    AGENT_EXIT.serviceAbsent,
    `There is no service "${name}" ${where}.`,
    `If it was installed ${other} --user, say so here, too.`,
  );
}

/** The service of the host is the administrator's; that of a person is the person's own. */
async function checkRights({ layout, tools }: ServiceDeps, env: NodeJS.ProcessEnv): Promise<void> {
  const uid = process.getuid?.();
  if (layout.scope === 'user') {
    if (uid !== 0 || env.SUDO_USER === undefined || env.SUDO_USER === 'root') return;
    throw refused('With sudo, --user would install it for root.', 'Call it without sudo.');
  }
  // High integrity: what Windows gives to a program that was started "as administrator".
  const isAdministrator =
    uid === undefined ? (await tools.run('whoami.exe', ['/groups'])).stdout.includes('S-1-16-12288') : uid === 0;
  if (isAdministrator) return;
  const how = uid === undefined ? 'Start it as administrator' : 'Call it with sudo';
  throw refused(
    'A service of the host can be changed by its administrator alone.',
    `${how}, or install it with --user.`,
  );
}

function refused(message: string, todo: string): AgentExit {
  return new AgentExit(AGENT_EXIT.serviceRefused, message, todo);
}

function packedExecutable(): string {
  if (isSea()) return process.execPath;
  throw refused(
    'Only the packed executable can be installed, and this runs from its sources.',
    'Build it with "npm run build:agents", or download the Runner from the console.',
  );
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (/^\d{1,4}$/.test(text)) return seconds;
  throw new AgentExit(AGENT_EXIT.usage, `--wait takes whole seconds, not "${text}".`);
}

/** Timers of the clock do not keep a process alive; an open port does, and listens on nothing. */
async function awake<T>(work: () => Promise<T>): Promise<T> {
  const { port1: alive } = new MessageChannel();
  alive.ref();
  try {
    return await work();
  } finally {
    alive.close();
  }
}
