import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { Command } from 'commander';
import { SWITCH_EXIT } from '../installation/launcher.ts';
import { startAgent } from '../start-agent.ts';
import { handsOver, launcherCommand, type OwnProgram, ownProgram } from '../update/own-program.ts';
import { addFileOptions, type CommandContext, type FileOptions, openFiles } from './command-options.ts';

/** `outrunner-agent run`: enrols when that is still to be done, then serves until it is told to stop. */
export function runCommand(context: CommandContext): Command {
  return addFileOptions(new Command('run'))
    .description('run the agent in the foreground (enrols first when needed)')
    .action(async (options: FileOptions) => {
      const { paths, log } = openFiles(options, context);
      const program = ownProgram(paths.state, context.env);
      const args = ['run', '--config', paths.config, '--state', paths.state, '--log-format', options.logFormat];
      if (program !== null && (await handsOver(program, process.execPath))) {
        log.info(`Handing over to the version in ${program.folder.path}.`);
        process.exitCode = await becomeLauncher(program, args, context.env);
        return;
      }
      const agent = await startAgent({ paths, log, clock: context.clock, env: context.env, random: Math.random });
      let signals = 0;
      const onSignal = (signal: NodeJS.Signals) => {
        signals += 1;
        if (signals <= 2) {
          const next = signals === 1 ? 'what still runs is stopped at once' : 'this ends without waiting for anything';
          log.info(`Stopping (${signal}); with the next signal ${next}.`);
          agent.stop(`The agent was stopped on its host (${signal}).`);
        } else {
          process.exit(128 + (signal === 'SIGINT' ? 2 : 15));
        }
      };
      process.on('SIGTERM', onSignal);
      process.on('SIGINT', onSignal);
      process.on('SIGHUP', onSignal);
      // Timers of the clock do not keep a process alive; an open port does, and listens on nothing.
      const { port1: alive } = new MessageChannel();
      alive.ref();
      try {
        if ((await agent.ended) === 'switch') {
          // A launcher that is our parent starts the next version; started by hand, we become that launcher.
          if (program?.id === null) process.exitCode = await becomeLauncher(program, args, context.env);
          else process.exitCode = SWITCH_EXIT;
        } else log.info('Stopped.');
      } finally {
        alive.close();
        process.off('SIGTERM', onSignal);
        process.off('SIGINT', onSignal);
        process.off('SIGHUP', onSignal);
      }
    });
}

/**
 * Makes this process the launcher: the same number, the same terminal. Where a process cannot become another program
 * (Windows), it waits for the launcher and returns its exit code.
 */
async function becomeLauncher(
  { folder }: OwnProgram,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const [file = '', ...rest] = launcherCommand(folder, args);
  if (process.execve !== undefined && process.platform !== 'win32') process.execve(file, [file, ...rest], defined(env));
  const child = spawn(file, rest, { stdio: 'inherit', env });
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}

function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
