import { optionEnvironmentName, type Plan } from '../../protocol/operation.ts';

/** Marks every process of an operation, so that those that left its process group are found again. */
export const MARKER = 'OUTRUNNER_OPERATION';

/** Of Node itself: they would change how the scripts of the user run, and were meant for the agent. */
const OF_NODE = new Set(['NODE_OPTIONS', 'NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID']);

/** What every step inherits: the environment of the agent without its own settings (`OUTRUNNER_*` may hold a token). */
export function inheritedEnvironment(own: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    const upper = name.toUpperCase();
    if (value !== undefined && !upper.startsWith('OUTRUNNER_') && !OF_NODE.has(upper)) env[name] = value;
  }
  return env;
}

/**
 * The environment of a step: what it inherits, then what the plan says, then the options as `RD_OPTION_*`, then the marker.
 * A later one wins; nothing can replace the marker.
 */
export function stepEnvironment(
  inherited: Readonly<Record<string, string>>,
  plan: Pick<Plan, 'environment' | 'options'>,
  operation: string,
): Record<string, string> {
  const env: Record<string, string> = { ...inherited, ...plan.environment };
  for (const [name, value] of Object.entries(plan.options)) env[optionEnvironmentName(name)] = value;
  env[MARKER] = operation;
  return env;
}
