import { Command } from 'commander';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';
import { prepareStateFolder } from '../config/agent-paths.ts';
import { isSpent, loadIdentity } from '../config/identity-file.ts';
import { loadRunnerConfig } from '../config/runner-config.ts';
import { enrolReplica } from '../connection/enrol-replica.ts';
import { createTransport } from '../connection/transport.ts';
import { hostFacts } from '../host/host-facts.ts';
import { takeStateLock } from '../host/state-lock.ts';
import { beginTrust } from '../trust/begin-trust.ts';
import { Trust } from '../trust/trust.ts';
import { addFileOptions, type CommandContext, type FileOptions, openFiles } from './command-options.ts';

/** `outrunner-agent enrol`: trades the token for an identity, once; does nothing when that was done. */
export function enrolCommand(context: CommandContext): Command {
  return addFileOptions(new Command('enrol'))
    .description('enrol this host with the token of its package')
    .action(async (options: FileOptions) => {
      const { paths, log } = openFiles(options, context);
      const { config } = await loadRunnerConfig(paths.config, context.env);
      await prepareStateFolder(paths.state);
      const release = await takeStateLock(paths.state);
      try {
        const identity = await loadIdentity(paths.state);
        const token = config.enrolment?.token;
        if (identity !== null && (token === undefined || (await isSpent(paths.state, token)))) {
          log.info(`Already enrolled as "${identity.runner.name}".`, { replica: identity.replica });
          return;
        }
        if (token === undefined) {
          throw new AgentExit(
            AGENT_EXIT.configuration,
            `${paths.config} holds no enrolment token.`,
            'Download the Runner again from the console.',
          );
        }
        const transport = createTransport(config);
        const { clock } = context;
        const trust = new Trust({ config, transport, log }, beginTrust(config, identity));
        await enrolReplica(
          { clock, log, transport, config, configPath: paths.config, state: paths.state, host: hostFacts(), trust },
          token,
        );
      } finally {
        await release();
      }
    });
}
