import { MessageChannel } from 'node:worker_threads';
import { Command } from 'commander';
import { type AgentExit, asAgentExit } from '../agent-exit.ts';
import { forgetLastEnd, writeLastEnd } from '../host/last-end.ts';
import { logFile } from '../host/log-file.ts';
import { FINAL_EXITS } from '../installation/launcher.ts';
import { type RunningAgent, startAgent } from '../start-agent.ts';
import { addFileOptions, type CommandContext, type FileOptions, openFiles } from './command-options.ts';

/** `outrunner-agent run`: enrols when that is still to be done, then serves until it is told to stop. */
export function runCommand(context: CommandContext): Command {
  return addFileOptions(new Command('run'))
    .description('run the agent in the foreground (enrols first when needed)')
    .option('--log-file <file>', 'log into this file instead of standard error; the one before it is kept as FILE.1')
    .action(async (options: FileOptions & { logFile?: string }) => {
      const write = options.logFile === undefined ? context.stderr : logFile(options.logFile);
      const { paths, log } = openFiles(options, { ...context, stderr: write });
      try {
        const agent = await startAgent({ paths, log, clock: context.clock, env: context.env, random: Math.random });
        await forgetLastEnd(paths.state);
        await untilToldToStop(agent, context.env, (line) => log.info(line));
      } catch (error) {
        const exit: AgentExit = asAgentExit(error);
        // On standard error it is the last line that the program prints.
        if (options.logFile !== undefined) log.error(exit.line);
        if (FINAL_EXITS.includes(exit.exitCode)) {
          const at = new Date(context.clock.now()).toISOString();
          await writeLastEnd(paths.state, { exitCode: exit.exitCode, line: exit.line, at });
        }
        throw exit;
      }
    });
}

async function untilToldToStop(
  agent: RunningAgent,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<void> {
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    signals += 1;
    if (signals <= 2) {
      const next = signals === 1 ? 'what still runs is stopped at once' : 'this ends without waiting for anything';
      say(`Stopping (${signal}); with the next signal ${next}.`);
      agent.stop(`The agent was stopped on its host (${signal}).`);
    } else {
      process.exit(128 + (signal === 'SIGINT' ? 2 : 15));
    }
  };
  // Where there are no signals (Windows), the launcher closes our standard input instead; also by ending itself.
  const onEnd = () => {
    if (signals > 0) return;
    signals = 1;
    say('Stopping (asked by the launcher).');
    agent.stop('The agent was stopped on its host.');
  };
  const listens = env.OUTRUNNER_STOP_WITH_STDIN === '1';
  if (listens) process.stdin.on('end', onEnd).on('error', onEnd).resume();
  for (const signal of SIGNALS) process.on(signal, onSignal);
  // Timers of the clock do not keep a process alive; an open port does, and listens on nothing.
  const { port1: alive } = new MessageChannel();
  alive.ref();
  try {
    await agent.ended;
    say('Stopped.');
  } finally {
    alive.close();
    if (listens) process.stdin.off('end', onEnd).destroy();
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
