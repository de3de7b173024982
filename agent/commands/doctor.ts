import { Command } from 'commander';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { agentPaths } from '../config/agent-paths.ts';
import { readLimits } from '../config/limits.ts';
import { examine, type Finding } from '../doctor/examine.ts';
import { addFileOptions, type CommandContext, type FileOptions } from './command-options.ts';

/** `outrunner-agent doctor`: one line per check; exit code 20 when something is wrong. */
export function doctorCommand(context: CommandContext): Command {
  return addFileOptions(new Command('doctor'))
    .description('look for what is wrong between this host and the coordinator')
    .option('--json', 'as JSON')
    .action(async (options: FileOptions & { json?: boolean }) => {
      const { clock, env, stdout } = context;
      const { diskFloorBytes } = readLimits(env);
      const findings = await examine({ paths: agentPaths(options, env), env, clock, diskFloorBytes });
      const isWell = findings.every(({ ok }) => ok !== false);
      if (options.json) stdout(`${JSON.stringify({ ok: isWell, findings })}\n`);
      else {
        const width = Math.max(...findings.map(({ check }) => check.length));
        for (const finding of findings) stdout(`${lineOf(finding, width)}\n`);
      }
      if (!isWell) process.exitCode = AGENT_EXIT.doctorFailed;
    });
}

function lineOf({ check, ok, detail, todo }: Finding, width: number): string {
  const marks = new Map<boolean | null, string>([
    [true, '✓'],
    [false, '✗'],
    [null, '–'],
  ]);
  return `${marks.get(ok)} ${check.padEnd(width)}  ${detail}${todo === '' ? '' : ` ${todo}`}`;
}
