import { access, constants } from 'node:fs/promises';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { systemCode } from '../agent-exit.ts';
import { type LastEnd, readLastEnd } from '../host/last-end.ts';
import { lockHolder } from '../host/state-lock.ts';
import type { StatusFile } from '../host/status-file.ts';
import type { Layout } from '../installation/layout.ts';
import { type FailedTrial, ProgramFolder } from '../installation/program-folder.ts';
import { logHint, statusOfRunning } from './await-connected.ts';
import type { ServiceManager, ServiceStatus } from './service-manager.ts';

/** How an installed service and its agent are. */
export interface ServiceReport {
  readonly name: string;
  readonly scope: Layout['scope'];
  readonly manager: ServiceManager['name'];
  readonly service: ServiceStatus;
  readonly agent: {
    readonly pid: number | null;
    /** Whether whoever asks may not see what the agent says about itself. */
    readonly hidden: boolean;
    readonly status: StatusFile | null;
    readonly lastEnd: LastEnd | null;
  };
  readonly program: {
    readonly current: string | null;
    readonly previous: string | null;
    readonly trial: string | null;
    readonly failed: FailedTrial | null;
  };
  readonly paths: {
    readonly config: string;
    readonly state: string;
    readonly launcher: string;
    readonly definition: string;
  };
  readonly log: string;
  /** What `service status` ends with. */
  readonly exitCode: number;
}

/** Looks; changes nothing. What only the agent's account may read is left open for others. */
export async function serviceReport(layout: Layout, manager: ServiceManager): Promise<ServiceReport> {
  const { name, scope, config, state, launcher, definition } = layout;
  const folder = new ProgramFolder(layout.program, layout.platform);
  const orNull = <T>(look: Promise<T>) => look.catch((): null => null);
  const service = await manager.status(layout);
  const hidden = await isHidden(state);
  const holder = await orNull(lockHolder(state));
  const status = await orNull(statusOfRunning(state));
  const program = {
    current: await orNull(folder.current()),
    previous: await orNull(folder.previous()),
    trial: await orNull(folder.trial()),
    failed: await orNull(folder.failed()),
  };
  return {
    name,
    scope,
    manager: manager.name,
    service,
    agent: { pid: holder?.pid ?? null, hidden, status, lastEnd: await readLastEnd(state) },
    program,
    paths: { config, state, launcher, definition },
    log: logHint(layout),
    exitCode: hidden ? AGENT_EXIT.failure : exitCodeOf(service, holder !== null, status, program.current !== null),
  };
}

async function isHidden(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.R_OK | constants.X_OK);
    return false;
  } catch (error) {
    return systemCode(error) === 'EACCES';
  }
}

function exitCodeOf(service: ServiceStatus, runs: boolean, status: StatusFile | null, isThere: boolean): number {
  if (status?.connected === true) return AGENT_EXIT.ok;
  if (runs || service.activity === 'running' || service.activity === 'starting') return AGENT_EXIT.serviceNotConnected;
  return service.activity === 'absent' || (service.activity === 'unknown' && !isThere)
    ? AGENT_EXIT.serviceAbsent
    : AGENT_EXIT.serviceStopped;
}

const WORDS: Readonly<Record<ServiceStatus['activity'], string>> = {
  running: 'runs',
  starting: 'is being started',
  stopped: 'does not run',
  failed: 'has ended and is not started again',
  absent: 'is not installed',
  unknown: 'is in place, and no service manager looks after it',
};

/** The report for people. */
export function reportService(report: ServiceReport): string[] {
  const { service, agent, program, manager, paths } = report;
  const automatic = service.automatic === false ? '; it does not start by itself' : '';
  const first = `The service "${report.name}" ${WORDS[service.activity]}${automatic}.`;
  if (report.exitCode === AGENT_EXIT.serviceAbsent) return [`The service "${report.name}" is not installed.`];
  const { status } = agent;
  if (agent.hidden) return [first, 'What its agent does, only an administrator may see: call this with sudo.'];
  return [
    manager === 'none' ? first : `${first} (${manager})`,
    ...(status === null
      ? [
          agent.pid === null
            ? 'No agent runs.'
            : `The agent runs (process ${agent.pid}) and is not enrolled or connected yet.`,
        ]
      : [
          `Runner "${status.runner.name}", version ${status.version}, process ${status.pid}`,
          `${status.connected ? 'connected to' : 'NOT connected to'} ${status.coordinator} since ${status.connectionSince}`,
          ...(status.lastError === null ? [] : [`last error: ${status.lastError}`]),
        ]),
    ...(agent.lastEnd === null ? [] : [`The last one ended at ${agent.lastEnd.at}: ${agent.lastEnd.line}`]),
    ...(program.trial === null ? [] : [`version on trial: ${program.trial}`]),
    ...(program.failed === null ? [] : [`version that was given up: ${program.failed.id} (${program.failed.reason})`]),
    `configuration ${paths.config}, state ${paths.state}`,
    ...(report.log === '' ? [] : [report.log]),
  ];
}
