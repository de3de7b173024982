import type { Layout } from '../installation/layout.ts';
import type { Account } from './service-account.ts';

/** What a service manager has to know to run an installed agent. */
export interface ServiceSpec {
  readonly layout: Layout;
  /** The account that it runs as; null: the person who installs. */
  readonly account: Account | null;
  /** The program and its arguments, as the layout has them. */
  readonly command: readonly string[];
  /** PATH of the steps; null: what the service manager gives. */
  readonly path: string | null;
  /** Whether jobs may become another user (sudo). */
  readonly sudo: boolean;
}

export interface ServiceStatus {
  readonly activity: 'running' | 'starting' | 'stopped' | 'failed' | 'absent' | 'unknown';
  readonly pid: number | null;
  /** Exit code of the last end, where it is known. */
  readonly exitCode: number | null;
  /** Whether it starts with the host (or at log-in); null: not known. */
  readonly automatic: boolean | null;
}

/** Port: what keeps a program running on this host. Each call can be repeated. */
export interface ServiceManager {
  /** `background`: nothing of the host starts it, and it runs on its own. */
  readonly name: 'systemd' | 'launchd' | 'Task Scheduler' | 'background' | 'none';
  /** Why nothing can be started now; null when it can. */
  readonly cannotStart: string | null;
  /** Why this service may not be installed: something else has its name. Null when it may. */
  whyTaken(layout: Layout): Promise<string | null>;
  /** What is chosen in the definition that is there; null when there is none. */
  installed(layout: Layout): Promise<{ readonly sudo: boolean } | null>;
  /** Writes the definition and has it start with the host. Returns whether anything is different from before. */
  install(spec: ServiceSpec): Promise<boolean>;
  /** Takes the definition away; a service that runs is stopped. Does nothing when there is none. */
  uninstall(layout: Layout): Promise<void>;
  /** Starts the service; one that runs is started anew. */
  start(layout: Layout): Promise<void>;
  stop(layout: Layout): Promise<void>;
  status(layout: Layout): Promise<ServiceStatus>;
  /** What a person should know about when it runs; null when there is nothing. */
  remark(layout: Layout): Promise<string | null>;
}

/** The command line that a service manager runs, without the shell before it. */
export function agentArguments({ program, config, state, log }: Layout): string[] {
  const args = [program, 'run', '--config', config, '--state', state];
  return log === null ? args : [...args, '--log-file', log];
}
