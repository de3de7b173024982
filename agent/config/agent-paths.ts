import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isSea } from 'node:sea';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit, systemCode } from '../agent-exit.ts';

/** Where the agent's files lie. */
export interface AgentPaths {
  /** `runner.json`. */
  readonly config: string;
  /** Folder of identity, lock, status and operations. */
  readonly state: string;
}

export interface PathOptions {
  readonly config?: string | undefined;
  readonly state?: string | undefined;
}

/**
 * Defaults: `runner.json` beside the packed executable (in the current folder when run from source), `state/` beside
 * `runner.json`. Options win over `OUTRUNNER_CONFIG` and `OUTRUNNER_STATE`, these over the defaults.
 */
export function agentPaths(options: PathOptions, env: NodeJS.ProcessEnv): AgentPaths {
  const home = isSea() ? dirname(process.execPath) : process.cwd();
  const config = resolve(options.config ?? env.OUTRUNNER_CONFIG ?? join(home, 'runner.json'));
  return { config, state: resolve(options.state ?? env.OUTRUNNER_STATE ?? join(dirname(config), 'state')) };
}

/** Makes the state folder (0700) when it is not there; ends with one clear line when it cannot be used. */
export async function prepareStateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new AgentExit(
      AGENT_EXIT.configuration,
      `The state folder ${folder} cannot be used (${systemCode(error)}).`,
      'Make it writable for this user, or name another one with --state.',
      { cause: error },
    );
  }
}
