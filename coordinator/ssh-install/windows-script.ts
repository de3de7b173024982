import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { childOutput, type LineListeners } from './child-output.ts';
import type { WhatHere } from './install-ports.ts';
import { MARK } from './remote-commands.ts';
import type { Ran } from './ssh-connection.ts';
import type { WindowsSystem } from './windows-system.ts';

/**
 * What Windows PowerShell is told, always the same: paths and names come by the environment, so that nothing is quoted. It is
 * a command and not a file because a policy may forbid files; then this says so. It first makes the output UTF-8, its own and
 * that of the programs in it: what is redirected is else in the code page that a console has for DOS, which nobody knows
 * here. Where PowerShell is not allowed to (constrained language), other letters than ASCII are lost and nothing more. Not
 * encoded in Base64: that hides from the owner of the computer what runs, and looks to a virus scanner like somebody who
 * means to.
 */
export const COMMAND = [
  'try { [Console]::OutputEncoding = New-Object Text.UTF8Encoding($false) } catch { $null = $_ };',
  "$ProgressPreference = 'SilentlyContinue';",
  '$with = @{ User = $true; Name = $env:OUTRUNNER_INSTALL_NAME };',
  "if ($env:OUTRUNNER_INSTALL_START -eq 'no') { $with['NoStart'] = $true };",
  '$code = 1; $global:LASTEXITCODE = 1;',
  'try { & $env:OUTRUNNER_INSTALL_SCRIPT @with; $code = $LASTEXITCODE }',
  "catch { Write-Output ('outrunner: ' + $_.Exception.Message);",
  `Write-Output ('${MARK}refused=' + $_.FullyQualifiedErrorId) };`,
  `Write-Output ('${MARK}exit=' + $code); exit $code`,
].join(' ');

/** What PowerShell is called with, before {@link COMMAND}. */
export const ARGUMENTS = [
  '-NoLogo',
  '-NoProfile',
  '-NonInteractive',
  '-ExecutionPolicy',
  'Bypass',
  '-Command',
] as const;
/** What PowerShell calls it when a policy forbids scripts. */
export const FORBIDDEN = 'UnauthorizedAccess';

/**
 * Runs the script of an unpacked package for the user of this process, and resolves when it has ended; nothing but the end of
 * this process ends it early. Rejects when PowerShell cannot be started.
 *
 * Not detached: without a console Windows PowerShell ends with 0 before its first line (nodejs/node#51018). So it is killed
 * with this process, by the job that libuv puts it in; what it started is not, since that job lets go of grandchildren. An
 * agent that installs itself comes to its end; before that, the script has changed nothing.
 */
export async function runInstallScript(
  { powershell, env }: WindowsSystem,
  script: string,
  { name, start }: WhatHere,
  listeners: LineListeners,
): Promise<Ran> {
  const child = spawn(powershell, [...ARGUMENTS, COMMAND], {
    // A folder of the system: a library beside it is no stranger's, and nobody minds that it is in use.
    cwd: dirname(powershell),
    env: {
      ...env,
      OUTRUNNER_INSTALL_SCRIPT: script,
      OUTRUNNER_INSTALL_NAME: name,
      OUTRUNNER_INSTALL_START: start ? 'yes' : 'no',
    },
    // Pipes alone: with them, and only with them, there is a console that nobody sees.
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  return await childOutput(child, listeners);
}
