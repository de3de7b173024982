import { MessageChannel } from 'node:worker_threads';
import { Command } from 'commander';
import { startAgent } from '../start-agent.ts';
import { addFileOptions, type CommandContext, type FileOptions, openFiles } from './command-options.ts';

/** `outrunner-agent run`: enrols when that is still to be done, then serves until it is told to stop. */
export function runCommand(context: CommandContext): Command {
  return addFileOptions(new Command('run'))
    .description('run the agent in the foreground (enrols first when needed)')
    .action(async (options: FileOptions) => {
      const { paths, log } = openFiles(options, context);
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
        await agent.ended;
        log.info('Stopped.');
      } finally {
        alive.close();
        process.off('SIGTERM', onSignal);
        process.off('SIGINT', onSignal);
        process.off('SIGHUP', onSignal);
      }
    });
}
