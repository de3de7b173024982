import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';

/** What the owner of the host may limit. */
export interface Limits {
  /** Operations at once; the coordinator may set less. */
  readonly maximum: number;
  /** Free space below which no new work is taken and output waits. */
  readonly diskFloorBytes: number;
  /** How long what runs may go on after the agent was told to stop. */
  readonly finishMs: number;
  /** Whether operations may be put into control groups of their own, where the system has them. */
  readonly cgroups: boolean;
  /** Whether the coordinator may bring other versions of the agent to this host. */
  readonly upgrades: boolean;
}

const MAXIMUM = 50;
const DISK_FLOOR_MB = 100;
/** With the grace of a stop and the time to deliver after it, this stays below `STOP_SECONDS`. */
const FINISH_SECONDS = 30;

/** Reads the limits from `OUTRUNNER_*`; ends with a configuration error that names the wrong one. */
export function readLimits(env: NodeJS.ProcessEnv): Limits {
  return {
    maximum: wholeNumber(env, 'OUTRUNNER_MAX_OPERATIONS', MAXIMUM, 1),
    diskFloorBytes: wholeNumber(env, 'OUTRUNNER_DISK_FLOOR_MB', DISK_FLOOR_MB, 0) * 1_000_000,
    finishMs: wholeNumber(env, 'OUTRUNNER_FINISH_SECONDS', FINISH_SECONDS, 0) * 1000,
    cgroups: onOrOff(env, 'OUTRUNNER_CGROUPS'),
    upgrades: onOrOff(env, 'OUTRUNNER_UPGRADES'),
  };
}

function onOrOff(env: NodeJS.ProcessEnv, name: string): boolean {
  const text = env[name] ?? '';
  if (text === '' || text === 'on') return true;
  if (text === 'off') return false;
  throw new AgentExit(AGENT_EXIT.configuration, `${name} must be "on" or "off".`);
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, standard: number, least: number): number {
  const text = env[name];
  if (text === undefined || text === '') return standard;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= 1_000_000_000) return value;
  throw new AgentExit(AGENT_EXIT.configuration, `${name} must be a whole number of at least ${least}.`);
}
