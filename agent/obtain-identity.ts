import type { Clock } from '../protocol/clock.ts';
import { AGENT_EXIT, type Identity } from '../protocol/enrolment.ts';
import { OutrunnerError } from '../protocol/problems.ts';
import { AgentExit } from './agent-exit.ts';
import { isSpent, loadIdentity } from './config/identity-file.ts';
import type { LoadedConfig } from './config/runner-config.ts';
import { backOffMs } from './connection/back-off.ts';
import { type EnrolDeps, enrolReplica } from './connection/enrol-replica.ts';
import { beginTrust, isSameCoordinator, trustOfIdentity } from './trust/begin-trust.ts';
import { Trust } from './trust/trust.ts';

export interface IdentityDeps extends Omit<EnrolDeps, 'config' | 'configPath' | 'trust'> {
  readonly loaded: LoadedConfig;
  readonly random: () => number;
  /** Resolves when the agent is told to stop. */
  readonly stopAsked: Promise<unknown>;
}

export interface Obtained {
  readonly identity: Identity;
  readonly trust: Trust;
}

/**
 * The identity to connect with: the one in the state folder, or a new one when the configuration holds a token that was not
 * spent here (a fresh package in an old folder). Keeps trying while the coordinator cannot be reached; null when the agent
 * was told to stop meanwhile.
 */
export async function obtainIdentity(deps: IdentityDeps): Promise<Obtained | null> {
  const { loaded, state, transport, log } = deps;
  const { config, path } = loaded;
  const present = await loadIdentity(state);
  const token = config.enrolment?.token;
  const trust = new Trust({ config, transport, log }, beginTrust(config, present));
  if (token !== undefined && (present === null || !(await isSpent(state, token)))) {
    const identity = await enrolPatiently({ ...deps, trust }, token);
    return identity === null ? null : { identity, trust };
  }
  if (present === null) {
    throw new AgentExit(
      AGENT_EXIT.configuration,
      `There is no identity in ${state}, and ${path} holds no enrolment token.`,
      'Download the Runner again from the console.',
    );
  }
  if (present.runner.id !== config.runner.id || !isSameCoordinator(trustOfIdentity(present), config.coordinator)) {
    throw new AgentExit(
      AGENT_EXIT.configuration,
      `The identity in ${state} belongs to another Runner or coordinator than ${path}.`,
      'Name the right folder with --state, or download the Runner again.',
    );
  }
  trust.keepIn(state);
  // The address may change (the coordinator moved); the key that it must hold is what was learned here, not what a file says.
  return { identity: { ...present, coordinator: { ...present.coordinator, url: config.coordinator.url } }, trust };
}

async function enrolPatiently(deps: IdentityDeps & { readonly trust: Trust }, token: string): Promise<Identity | null> {
  const { loaded, log, clock, random, stopAsked } = deps;
  let stopped = false;
  const stop = stopAsked.then(() => {
    stopped = true;
  });
  for (let failures = 1; !stopped; failures++) {
    try {
      return await enrolReplica({ ...deps, config: loaded.config, configPath: loaded.path }, token);
    } catch (error) {
      if (!(error instanceof OutrunnerError)) throw error;
      const wait = backOffMs(failures, random);
      if (Number.isInteger(Math.log2(failures)))
        log.warn(`Not enrolled yet: ${error.message}`, { tries: failures, retryInMs: wait });
      await Promise.race([pause(clock, wait), stop]);
    }
  }
  return null;
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
