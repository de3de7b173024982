import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../protocol/clock.ts';
import type { Layout } from '../installation/layout.ts';
import type { ServiceManager, ServiceSpec, ServiceStatus } from './service-manager.ts';
import { failed, type Tools } from './tools.ts';
import { taskXml } from './windows-task.ts';

/** How long the launcher may take to end after `stop` was put into the program folder: its own time, and some more. */
const STOP_MS = 100_000;
const LOOK_EVERY_MS = 1_000;

/** A task at start-up (or log-in) that runs the launcher; the launcher does the rest. Not run on Windows yet. */
export class TaskScheduler implements ServiceManager {
  readonly name = 'Task Scheduler';
  readonly cannotStart = null;
  readonly #tools: Tools;
  readonly #clock: Clock;
  readonly #env: NodeJS.ProcessEnv;

  constructor(tools: Tools, clock: Clock, env: NodeJS.ProcessEnv) {
    this.#tools = tools;
    this.#clock = clock;
    this.#env = env;
  }

  async whyTaken(): Promise<string | null> {
    return null; // The tasks have a folder of our own.
  }

  async installed(layout: Layout): Promise<{ readonly sudo: boolean } | null> {
    return (await this.status(layout)).activity === 'absent' ? null : { sudo: true };
  }

  async install({ layout }: ServiceSpec): Promise<boolean> {
    const powershell = this.#tools.find('powershell.exe');
    if (powershell === null) throw failed('There is no Windows PowerShell on this host.');
    const { USERDOMAIN = '.', USERNAME = '' } = this.#env;
    const file = join(layout.configFolder, 'task.xml');
    const xml = taskXml({ layout, user: `${USERDOMAIN}\\${USERNAME}`, powershell });
    // As the declaration in its first line says.
    await writeFile(file, Buffer.from(`\ufeff${xml.replaceAll('\n', '\r\n')}`, 'utf16le'));
    try {
      await this.#tools.must('schtasks.exe', ['/Create', '/TN', layout.definition, '/XML', file, '/F']);
    } finally {
      await rm(file, { force: true });
    }
    return true;
  }

  async uninstall(layout: Layout): Promise<void> {
    if ((await this.status(layout)).activity === 'absent') return;
    await this.stop(layout);
    await this.#tools.must('schtasks.exe', ['/Delete', '/TN', layout.definition, '/F']);
  }

  async start(layout: Layout): Promise<void> {
    await this.stop(layout);
    await this.#tools.must('schtasks.exe', ['/Run', '/TN', layout.definition]);
  }

  /** The launcher tells the agent; what does not end within its time is ended. */
  async stop(layout: Layout): Promise<void> {
    const isRunning = async () => (await this.status(layout)).activity === 'running';
    if (!(await isRunning())) return;
    const wish = join(layout.program, 'stop');
    await writeFile(wish, '');
    const until = this.#clock.monotonic() + STOP_MS;
    while (await isRunning()) {
      if (this.#clock.monotonic() > until) {
        await this.#tools.must('schtasks.exe', ['/End', '/TN', layout.definition]);
        break;
      }
      await new Promise<void>((resolve) => void this.#clock.after(LOOK_EVERY_MS, resolve));
    }
    await rm(wish, { force: true });
  }

  async status({ name }: Layout): Promise<ServiceStatus> {
    // The answers of schtasks are in the language of the host; these are numbers. The name is letters, digits and hyphens.
    const look = `$t = Get-ScheduledTask -TaskPath '\\Outrunner\\' -TaskName '${name}' -ErrorAction SilentlyContinue; if ($null -eq $t) { 'none' } else { [int]$t.State }`;
    const { stdout } = await this.#tools.run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', look]);
    return readTaskState(stdout);
  }

  async remark({ scope }: Layout): Promise<string | null> {
    return scope === 'user' ? 'It runs while you are logged in.' : null;
  }
}

/** The state of a task: 1 disabled, 2 queued, 3 ready, 4 running. */
export function readTaskState(answer: string): ServiceStatus {
  const states = new Map<string, ServiceStatus['activity']>([
    ['none', 'absent'],
    ['1', 'stopped'],
    ['2', 'starting'],
    ['3', 'stopped'],
    ['4', 'running'],
  ]);
  const state = answer.trim();
  const activity = states.get(state) ?? 'unknown';
  return { activity, pid: null, exitCode: null, automatic: activity === 'absent' ? null : state !== '1' };
}
