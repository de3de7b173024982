import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Clock } from '../../protocol/clock.ts';
import { STOP_SECONDS } from '../../protocol/enrolment.ts';
import { systemCode } from '../agent-exit.ts';
import { lockHolder } from '../host/state-lock.ts';
import type { Layout } from '../installation/layout.ts';
import { agentArguments, type ServiceManager, type ServiceSpec, type ServiceStatus } from './service-manager.ts';
import { failed } from './tools.ts';

const LOOK_EVERY_MS = 100;
/** For the agent to take its state folder. */
const START_WITHIN_MS = 15_000;
/** What runs gets half a minute to finish, and the agent some more to say good-bye; as with a service manager. */
const STOP_WITHIN_MS = STOP_SECONDS * 1000;

/**
 * The agent of one person where nothing of the host starts it: its launcher runs apart from whoever called, until it is told to
 * stop or the computer is restarted. The definition for the manager that the host has, or may have one day, is kept as well.
 */
export class InBackground implements ServiceManager {
  readonly name = 'background';
  readonly cannotStart = null;
  readonly #beside: ServiceManager;
  readonly #clock: Clock;
  readonly #env: NodeJS.ProcessEnv;

  /** `beside`: the manager that cannot start anything here. */
  constructor(beside: ServiceManager, clock: Clock, env: NodeJS.ProcessEnv) {
    this.#beside = beside;
    this.#clock = clock;
    this.#env = env;
  }

  whyTaken(layout: Layout): Promise<string | null> {
    return this.#beside.whyTaken(layout);
  }

  installed(layout: Layout): Promise<{ readonly sudo: boolean } | null> {
    return this.#beside.installed(layout);
  }

  install(spec: ServiceSpec): Promise<boolean> {
    return this.#beside.install(spec);
  }

  async uninstall(layout: Layout): Promise<void> {
    await this.stop(layout);
    await this.#beside.uninstall(layout);
  }

  /** Resolves when the agent has its state folder, or has ended already. */
  async start(layout: Layout): Promise<void> {
    await this.stop(layout);
    const launcher = spawn('/bin/sh', [layout.launcher, ...agentArguments(layout)], {
      cwd: '/',
      env: this.#env,
      // A session of its own: the end of a terminal or of a log-in over SSH does not reach it.
      detached: true,
      stdio: 'ignore',
    });
    try {
      await once(launcher, 'spawn');
    } catch (error) {
      throw failed(`The launcher could not be started (${systemCode(error)}).`);
    }
    const isUp = async () => launcher.exitCode !== null || (await lockHolder(layout.state)) !== null;
    await holdsWithin(this.#clock, START_WITHIN_MS, isUp);
    launcher.unref();
  }

  async stop(layout: Layout): Promise<void> {
    await endAgent(layout, this.#clock);
  }

  async status({ state, launcher }: Layout): Promise<ServiceStatus> {
    const holder = await lockHolder(state);
    if (holder !== null) return { activity: 'running', pid: holder.pid, exitCode: null, automatic: false };
    return { activity: existsSync(launcher) ? 'stopped' : 'absent', pid: null, exitCode: null, automatic: null };
  }

  async remark(): Promise<string> {
    const later = this.#beside.name === 'systemd' ? ' Where systemd runs, it starts the agent from then on.' : '';
    return `${this.#beside.cannotStart ?? ''} So the agent runs in the background, until this computer is restarted or you stop it.${later}`;
  }
}

/**
 * Ends the agent that holds the state folder of an installation, whoever has started it, and waits until it has let go. Does
 * nothing when there is none. The launcher ends with it.
 */
export async function endAgent({ state }: Layout, clock: Clock): Promise<void> {
  const holder = await lockHolder(state);
  if (holder === null) return;
  const isOver = async () => (await lockHolder(state))?.start !== holder.start;
  signal(holder.pid, 'SIGTERM');
  if (await holdsWithin(clock, STOP_WITHIN_MS, isOver)) return;
  signal(holder.pid, 'SIGKILL');
  if (await holdsWithin(clock, LOOK_EVERY_MS * 50, isOver)) return;
  throw failed(`The agent (process ${holder.pid}) does not end.`);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It has ended meanwhile.
    if (systemCode(error) !== 'ESRCH')
      throw failed(`The agent (process ${pid}) cannot be ended (${systemCode(error)}).`);
  }
}

async function holdsWithin(clock: Clock, ms: number, is: () => Promise<boolean>): Promise<boolean> {
  const until = clock.monotonic() + ms;
  for (;;) {
    if (await is()) return true;
    if (clock.monotonic() >= until) return false;
    await new Promise<void>((resolve) => void clock.after(LOOK_EVERY_MS, resolve));
  }
}
