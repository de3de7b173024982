import { Command } from 'commander';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { agentPaths } from '../config/agent-paths.ts';
import { describeConfinement } from '../executors/confinement.ts';
import { lockHolder } from '../host/state-lock.ts';
import { readStatusFile, type StatusFile } from '../host/status-file.ts';
import { describeKeys } from '../trust/describe-trust.ts';
import { addFileOptions, type CommandContext, type FileOptions } from './command-options.ts';

/** `outrunner-agent status`: what the agent on this state folder does now; exit code 1 when none runs. */
export function statusCommand(context: CommandContext): Command {
  return addFileOptions(new Command('status'))
    .description('say what the running agent does')
    .option('--json', 'as JSON')
    .action(async (options: FileOptions & { json?: boolean }) => {
      const { state } = agentPaths(options, context.env);
      const holder = await lockHolder(state);
      const written = await readStatusFile(state);
      // What an earlier process wrote tells nothing about the one that runs.
      const current = holder !== null && written?.pid === holder.pid && written.start === holder.start ? written : null;
      if (options.json) {
        const answer = { running: holder !== null, pid: holder?.pid ?? null, state, status: current };
        context.stdout(`${JSON.stringify(answer)}\n`);
      } else {
        for (const line of statusLines(state, holder?.pid ?? null, current, written)) context.stdout(`${line}\n`);
      }
      if (holder === null) process.exitCode = AGENT_EXIT.failure;
    });
}

function statusLines(state: string, pid: number | null, current: StatusFile | null, last: StatusFile | null): string[] {
  if (pid === null) {
    const ended = last === null ? '' : ` It was last heard of at ${last.writtenAt}.`;
    return [`No agent runs with the state folder ${state}.${ended}`];
  }
  if (current === null) return [`The agent runs (process ${pid}) and is not enrolled or connected yet.`];
  const { load } = current;
  const connection = current.connected ? 'connected to' : 'NOT connected to';
  return [
    `Runner "${current.runner.name}", version ${current.version}, process ${pid}, since ${current.startedAt}`,
    `${connection} ${current.coordinator} since ${current.connectionSince}`,
    ...(current.lastError === null ? [] : [`last error: ${current.lastError}`]),
    ...(current.trust === undefined ? [] : [describeKeys(current.trust.keys)]),
    `${load.running} running, ${load.queued} waiting, at most ${load.maximum} at once`,
    `stops: ${describeConfinement(current.confinement)}`,
    ...current.operations.map(
      ({ operation, project, job }) => `  ${operation} ${project}${job === null ? '' : ` "${job}"`}`,
    ),
    ...current.checks
      .filter(({ ok, detail }) => !ok || detail !== '')
      .map(({ check, ok, detail }) => `${ok ? 'note' : 'FAILS'}: ${check}: ${detail}`),
  ];
}
