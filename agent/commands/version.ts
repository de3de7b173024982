import { Command } from 'commander';
import { PRODUCT_VERSION, PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { CommandContext } from './command-options.ts';

/** `outrunner-agent version` */
export function versionCommand(context: CommandContext): Command {
  return new Command('version')
    .description('say the version')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }) => {
      const facts = {
        version: PRODUCT_VERSION,
        protocol: PROTOCOL_VERSION,
        node: process.versions.node,
        platform: `${process.platform}-${process.arch}`,
      };
      if (options.json) context.stdout(`${JSON.stringify(facts)}\n`);
      else
        context.stdout(
          `outrunner-agent ${facts.version} (protocol ${facts.protocol}, Node ${facts.node}, ${facts.platform})\n`,
        );
    });
}
