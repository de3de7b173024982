import { AGENT_EXIT, type Identity, type RunnerConfig } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';
import { isEarlierKey, isSameCoordinator, trustOfConfig, trustOfIdentity } from '../trust/begin-trust.ts';

/** A `runner.json`: as it was read, and with all that this version does not know. */
export interface ConfigFile {
  readonly path: string;
  readonly config: RunnerConfig;
  readonly raw: Readonly<Record<string, unknown>>;
}

export interface ConfigFacts {
  /** Of the package; null when there is none. */
  readonly offered: ConfigFile | null;
  /** Where the service has its own; null when there is none. */
  readonly installed: ConfigFile | null;
  /** In the state folder. */
  readonly identity: Identity | null;
  /** Exit code of the last agent when it ended for good. */
  readonly lastEnd: number | null;
  /** Whether the offered token gave the identity that is here. */
  readonly isSpent: boolean;
  /** Whether the person wants another Runner in this place. */
  readonly replace: boolean;
}

export interface ChosenConfig {
  /** What is written as the service's `runner.json`. */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly runner: RunnerConfig['runner'];
  /** `kept`: it goes on as who it is; `dropped`: another Runner takes the place; `new`: it enrols. */
  readonly identity: 'kept' | 'dropped' | 'new';
}

/**
 * Which configuration the service gets. What it needs is never overwritten by less: an identity that works is kept, and a
 * token that was not used yet stays. Another Runner does not take the place of the one that is there unless it is asked for.
 */
export function chooseConfig({ offered, installed, identity, lastEnd, isSpent, replace }: ConfigFacts): ChosenConfig {
  const base = offered ?? installed;
  if (base === null) throw new Error('There has to be a configuration.');
  const { runner } = base.config;
  const present = installed?.config ?? identity;
  if (offered !== null && present !== null && !isSame(offered.config, installed?.config ?? null, identity)) {
    if (!replace) throw refusal(offered.config, present);
    if (offered.config.enrolment === undefined) throw noToken(offered.path);
    return { raw: offered.raw, runner, identity: 'dropped' };
  }
  const { enrolment: _, ...rest } = offered === null ? base.raw : withNewestKey(offered, installed);
  // A token beside an identity that works would only make a second replica of the same host.
  if (identity !== null && lastEnd !== AGENT_EXIT.identityRefused) return { raw: rest, runner, identity: 'kept' };
  const token = isSpent ? undefined : (offered?.raw.enrolment ?? installed?.raw.enrolment);
  if (token === undefined) throw noToken(base.path);
  return { raw: { ...rest, enrolment: token }, runner, identity: 'new' };
}

type Whose = Pick<RunnerConfig, 'runner' | 'coordinator'>;

/**
 * The name and the address may change; who it is and whom it trusts may not. A key that follows the one which is believed, or
 * came before it, is that of the same coordinator.
 */
function isSame(offered: Whose, installed: Whose | null, identity: Identity | null): boolean {
  if (offered.runner.id !== (installed ?? identity)?.runner.id) return false;
  const known = [
    ...(installed === null ? [] : [trustOfConfig(installed.coordinator)]),
    ...(identity === null || identity.runner.id !== offered.runner.id ? [] : [trustOfIdentity(identity)]),
  ];
  return known.some((held) => isSameCoordinator(held, offered.coordinator));
}

/** The package that is offered; with the key of the one that is installed when that came later. */
function withNewestKey(offered: ConfigFile, installed: ConfigFile | null): ConfigFile['raw'] {
  if (installed === null || !isEarlierKey(offered.config.coordinator, installed.config.coordinator)) return offered.raw;
  const { publicKey, succession } = installed.config.coordinator;
  return { ...offered.raw, coordinator: { ...offered.config.coordinator, publicKey, succession } };
}

function refusal(offered: Whose, present: Whose): AgentExit {
  const other = offered.runner.id === present.runner.id ? `of another coordinator key than` : 'another Runner than';
  return new AgentExit(
    AGENT_EXIT.serviceRefused,
    `"${offered.runner.name}" is ${other} "${present.runner.name}", which is installed here.`,
    'Install it beside it with --name NAME, or in its place with --replace.',
  );
}

function noToken(path: string): AgentExit {
  return new AgentExit(
    AGENT_EXIT.configuration,
    `${path} holds no enrolment token that can still be used.`,
    'Download the Runner again from the console.',
  );
}
