import { type Command, Option } from 'commander';
import type { Clock } from '../../protocol/clock.ts';
import { type AgentPaths, agentPaths, type PathOptions } from '../config/agent-paths.ts';
import { createLog, type Log, type LogFormat } from '../log.ts';

/** What `main.ts` hands to every command. */
export interface CommandContext {
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

export interface FileOptions extends PathOptions {
  readonly logFormat: LogFormat;
}

/** The options of every command that works with the files of a Runner. */
export function addFileOptions(command: Command): Command {
  return command
    .addOption(new Option('--config <runner.json>', 'the configuration (default: runner.json beside the program)'))
    .addOption(new Option('--state <folder>', 'folder of identity and operations (default: state/ beside runner.json)'))
    .addOption(new Option('--log-format <format>', 'how to log').choices(['plain', 'json']).default('plain'));
}

export function openFiles(options: FileOptions, context: CommandContext): { paths: AgentPaths; log: Log } {
  return {
    paths: agentPaths(options, context.env),
    log: createLog(options.logFormat, context.clock, context.stderr),
  };
}
