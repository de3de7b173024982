import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ARGUMENTS, COMMAND } from '../ssh-install/windows-script.ts';

/**
 * Stands for Windows PowerShell where there is none: takes what it would be called with, and does what `install.ps1` of a good
 * package does then, with the agent that lies beside it. What PowerShell makes of the text is not tried by this.
 */
const { env, argv } = process;
const home = env.USERPROFILE ?? '';
const seen = { args: argv.slice(2), cwd: process.cwd(), env };
writeFileSync(join(home, 'seen.json'), JSON.stringify(seen));
const behaviour = join(home, 'behaviour');
const does = existsSync(behaviour) ? readFileSync(behaviour, 'utf8') : 'installs';
const say = (line: string) => process.stdout.write(`${line}\r\n`);

if (JSON.stringify(seen.args) !== JSON.stringify([...ARGUMENTS, COMMAND])) process.exit(64);
if (does === 'says nothing') process.exit(0);
if (does === 'is forbidden') {
  say('outrunner: Die Datei kann nicht geladen werden, da die Ausführung von Skripts deaktiviert ist.');
  say('outrunner-ssh:refused=UnauthorizedAccess');
  say('outrunner-ssh:exit=1');
  process.exit(1);
}
const folder = dirname(env.OUTRUNNER_INSTALL_SCRIPT ?? '');
const agent = join(folder, 'outrunner-agent.exe');
chmodSync(agent, 0o755);
const args = ['service', 'install', '--config', join(folder, 'runner.json')];
if (env.OUTRUNNER_INSTALL_START === 'no') args.push('--no-start');
args.push('--user', '--name', env.OUTRUNNER_INSTALL_NAME ?? '');
// Where programs that are not for Windows look for the same.
const their = { ...env, HOME: home, XDG_RUNTIME_DIR: join(home, 'run') };
const { status } = spawnSync(agent, args, { stdio: 'inherit', env: their });
say(`outrunner-ssh:exit=${status}`);
process.exitCode = status ?? 1;
