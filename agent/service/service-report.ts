import { AGENT_EXIT } from '../../protocol/enrolment.ts';
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
  const hidden = <T>(look: Promise<T>) => look.catch((): null => null);
  const service = await manager.status(layout);
  const holder = await hidden(lockHolder(state));
  const status = await hidden(statusOfRunning(state));
  const program = {
    current: await hidden(folder.current()),
    previous: await hidden(folder.previous()),
    trial: await hidden(folder.trial()),
    failed: await hidden(folder.failed()),
  };
  return {
    name,
    scope,
    manager: manager.name,
    service,
    agent: { pid: holder?.pid ?? null, status, lastEnd: await readLastEnd(state) },
    program,
    paths: { config, state, launcher, definition },
    log: logHint(layout),
    exitCode: exitCodeOf(service, holder !== null, status, program.current !== null),
  };
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
