import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { Command } from 'commander';
import { type AgentExit, asAgentExit } from '../agent-exit.ts';
import { forgetLastEnd, writeLastEnd } from '../host/last-end.ts';
import { logFile } from '../host/log-file.ts';
import { FINAL_EXITS, SWITCH_EXIT } from '../installation/launcher.ts';
import { type RunningAgent, startAgent } from '../start-agent.ts';
import { handsOver, launcherCommand, type OwnProgram, ownProgram } from '../update/own-program.ts';
import { addFileOptions, type CommandContext, type FileOptions, openFiles } from './command-options.ts';

/** `outrunner-agent run`: enrols when that is still to be done, then serves until it is told to stop. */
export function runCommand(context: CommandContext): Command {
  return addFileOptions(new Command('run'))
    .description('run the agent in the foreground (enrols first when needed)')
    .option('--log-file <file>', 'log into this file instead of standard error; the one before it is kept as FILE.1')
    .action(async (options: FileOptions & { logFile?: string }) => {
      const write = options.logFile === undefined ? context.stderr : logFile(options.logFile);
      const { paths, log } = openFiles(options, { ...context, stderr: write });
      const program = ownProgram(paths.state, context.env);
      const args = ['run', '--config', paths.config, '--state', paths.state, '--log-format', options.logFormat];
      if (options.logFile !== undefined) args.push('--log-file', options.logFile);
      if (program !== null && (await handsOver(program, process.execPath))) {
        log.info(`Handing over to the version in ${program.folder.path}.`);
        process.exitCode = await becomeLauncher(program, args, context.env);
        return;
      }
      try {
        const agent = await startAgent({ paths, log, clock: context.clock, env: context.env, random: Math.random });
        await forgetLastEnd(paths.state);
        if ((await untilEnded(agent, context.env, (line) => log.info(line))) === 'switch') {
          // A launcher that is our parent starts the next version; started by hand, we become that launcher.
          if (program?.id === null) process.exitCode = await becomeLauncher(program, args, context.env);
          else process.exitCode = SWITCH_EXIT;
        } else log.info('Stopped.');
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

/** Passes on that somebody wants it to stop, and resolves as the agent's own end does. */
async function untilEnded(
  agent: RunningAgent,
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): RunningAgent['ended'] {
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
    return await agent.ended;
  } finally {
    alive.close();
    if (listens) process.stdin.off('end', onEnd).destroy();
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

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
  const [code] = (await once(child, 'exit')) as unknown[];
  return typeof code === 'number' ? code : 1;
}

function defined(env: NodeJS.ProcessEnv): Record<string, string> {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}
