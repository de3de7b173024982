import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { DEFAULT_SERVICE_NAME, type PackageFormat } from '../../protocol/package-options.ts';
import { AGENT_TARGET_TABLE } from '../../protocol/release.ts';
import type { SmallFile } from './archive.ts';

/** What lies beside the executable for the people who unpack it. */

/** The script that starts the agent in the foreground, for the shell that the platform has. */
export function startScript(target: PlatformTarget): SmallFile {
  const { executable } = AGENT_TARGET_TABLE[target];
  if (target === 'win-x64') {
    const content = [
      '# Starts the Outrunner agent in the foreground. Stop it with Ctrl-C.',
      'Set-Location -LiteralPath $PSScriptRoot',
      `& (Join-Path $PSScriptRoot '${executable}') run @args`,
      'exit $LASTEXITCODE',
      '',
    ].join('\r\n');
    return { name: 'start.ps1', mode: 0o644, content };
  }
  const content = `#!/bin/sh
# Starts the Outrunner agent in the foreground. Stop it with Ctrl-C.
cd -- "$(dirname -- "$0")" || exit 1
exec ./${executable} run "$@"
`;
  return { name: 'start.sh', mode: 0o755, content };
}

export interface ReadmeFacts {
  readonly runnerName: string;
  readonly coordinatorUrl: string;
  readonly target: PlatformTarget;
  readonly version: string;
  readonly executableSha256: string;
  readonly development: boolean;
  readonly keyId: string;
  /** There is a release.sshsig beside it. */
  readonly signedForSsh: boolean;
  readonly tokenExpiresAt: string;
  /** How the package is unpacked: by hand, or by the host's own package manager. */
  readonly format: PackageFormat;
}

/** The text for the owner of the host: what this is, how it starts, what it does and does not do. */
export function readmeText(facts: ReadmeFacts): SmallFile {
  const windows = facts.target === 'win-x64';
  const { executable, label } = AGENT_TARGET_TABLE[facts.target];
  const start = windows ? 'powershell -ExecutionPolicy Bypass -File start.ps1' : './start.sh';
  const install = windows ? 'powershell -ExecutionPolicy Bypass -File install.ps1' : 'sudo ./install.sh';
  const alone = windows ? 'install.ps1 -User' : './install.sh --user';
  const remove = windows ? 'install.ps1 -Uninstall' : 'sudo ./install.sh --uninstall';
  const command = windows ? executable : `./${executable}`;
  const byHand = [
    `Install it:  ${install}`,
    `             as a service that starts with the host; for you alone: ${alone}`,
    `Remove it:   ${remove}`,
    `Try it:      ${start}`,
    '             in the foreground, without installing anything; Ctrl-C stops it',
    `Check it:    ${command} doctor`,
  ];
  const byManager = managed(facts.format);
  const signed = facts.development
    ? `development key ${facts.keyId}: made on the building machine, it vouches for nothing beyond it`
    : `release key ${facts.keyId}`;
  const lines = [
    `Outrunner agent ${facts.version} for ${label}`,
    `Runner:      ${facts.runnerName.replace(/[^\x20-\x7e\u00a0-\uffff]/g, ' ')}`,
    `Coordinator: ${facts.coordinatorUrl}`,
    '',
    ...(byManager === null ? byHand : byManager),
    '',
    'It connects outward to the coordinator above and listens on no port. It runs the jobs that the coordinator signs, as the',
    'user it runs as and with no more rights than that user has. Its own keys are made here and never leave this host.',
    '',
    'runner.json holds a token that can be used once, to make this host known to the coordinator. Keep this folder private.',
    `The token is valid until ${facts.tokenExpiresAt}. After that, download the Runner again.`,
    '',
    `SHA-256 of ${executable}:`,
    `  ${facts.executableSha256}`,
    `Signed with the ${signed}. release.signed is what was signed, release.sig the signature (Ed25519).`,
    ...(facts.signedForSsh
      ? ['release.sshsig is the same for ssh-keygen -Y verify, with the namespace outrunner-release.']
      : []),
    '',
  ];
  return { name: 'README.txt', mode: 0o644, content: lines.join(windows ? '\r\n' : '\n') };
}

/** What is to be known of a package that its package manager has installed; null for the others. */
function managed(format: PackageFormat): string[] | null {
  if (format !== 'deb' && format !== 'rpm') return null;
  const name = DEFAULT_SERVICE_NAME;
  return [
    `Look at it:  systemctl status ${name}; journalctl -u ${name}`,
    format === 'deb' ? `Remove it:   apt remove ${name}` : `Remove it:   dnf remove ${name}`,
    format === 'deb'
      ? `             apt purge ${name} takes configuration and identity away too`
      : `             /etc/${name} and /var/lib/${name} stay; delete them when they are no longer wanted`,
  ];
}
