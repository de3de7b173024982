import './save-memory.ts';
import { Command, CommanderError } from 'commander';
import { systemClock } from '../protocol/clock.ts';
import { AGENT_EXIT } from '../protocol/enrolment.ts';
import { asAgentExit } from './agent-exit.ts';
import type { CommandContext } from './commands/command-options.ts';
import { doctorCommand } from './commands/doctor.ts';
import { enrolCommand } from './commands/enrol.ts';
import { runCommand } from './commands/run.ts';
import { serviceCommand } from './commands/service.ts';
import { statusCommand } from './commands/status.ts';
import { versionCommand } from './commands/version.ts';

// A log that cannot be written (nobody reads the pipe any more, the disk is full) must not end the agent and its work.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const context: CommandContext = {
  clock: systemClock(),
  env: process.env,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
};

const program = new Command('outrunner-agent')
  .description('Runs jobs on this host for an Outrunner coordinator. It connects outward only and listens on nothing.')
  .addCommand(runCommand(context))
  .addCommand(serviceCommand(context))
  .addCommand(enrolCommand(context))
  .addCommand(statusCommand(context))
  .addCommand(doctorCommand(context))
  .addCommand(versionCommand(context));
for (const command of allCommands(program)) command.exitOverride();

program.parseAsync().catch((error: unknown) => {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; help and version are no mistakes.
    process.exitCode = error.exitCode === 0 ? AGENT_EXIT.ok : AGENT_EXIT.usage;
    return;
  }
  const exit = asAgentExit(error);
  context.stderr(`outrunner-agent: ${exit.line}\n`);
  process.exitCode = exit.exitCode;
});

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
