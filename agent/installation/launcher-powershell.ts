import { STOP_SECONDS } from '../../protocol/enrolment.ts';

/** What the two launchers have in common. */
export interface LauncherExits {
  readonly switchExit: number;
  readonly noVersionExit: number;
  readonly finalExits: readonly number[];
}

/**
 * The launcher for Windows PowerShell 5.1. It does what the one for sh does, and two things more, since Windows has neither
 * signals nor, for a start-up task, anybody who starts it again:
 * - the agent is told to stop by the end of its standard input (`OUTRUNNER_STOP_WITH_STDIN`); so it also stops when the launcher ends;
 * - with `-Service` it starts the agent again after each end that may be different the next time, and ends when somebody
 *   puts a file `stop` into the program folder.
 *
 * Only ASCII: Windows PowerShell reads a file without a byte order mark in the code page of the host.
 */
export function powershellLauncher({ switchExit, noVersionExit, finalExits }: LauncherExits): string {
  return String.raw`# Starts the version of the Outrunner agent that is in use, tries a new one when there is one, and goes back to the last good
# one when the new one ends, hangs or cannot reach the coordinator. It never changes, so that no update can break it.
# Usage: launch.ps1 [-Service] PROGRAM_FOLDER ARGUMENT...
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$words = @($args)
$service = $words.Count -gt 0 -and $words[0] -eq '-Service'
if ($service) { $words = @($words | Select-Object -Skip 1) }
if ($words.Count -eq 0) {
  [Console]::Error.WriteLine('Usage: launch.ps1 [-Service] PROGRAM_FOLDER ARGUMENT...')
  exit 2
}
$program = [string]$words[0]
$arguments = @($words | Select-Object -Skip 1)

function PathOf($name) { [IO.Path]::Combine($program, $name) }
function ExecutableOf($id) { [IO.Path]::Combine($program, 'versions', $id, 'outrunner-agent.exe') }

function Say($text) {
  [Console]::Error.WriteLine("outrunner-agent launcher: $text")
  # Nobody sees the standard error of a task.
  try {
    $log = PathOf 'launcher.log'
    if ([IO.File]::Exists($log) -and (New-Object IO.FileInfo($log)).Length -gt 1000000) { [IO.File]::Delete($log) }
    [IO.File]::AppendAllText($log, (Get-Date -Format s) + ' ' + $text + [Environment]::NewLine)
  } catch { }
}

function LineIn($name) {
  $path = PathOf $name
  for ($try = 0; $try -lt 5; $try++) {
    try {
      if (-not [IO.File]::Exists($path)) { return '' }
      # The agent must be able to replace it meanwhile.
      $share = [IO.FileShare]::ReadWrite -bor [IO.FileShare]::Delete
      $stream = New-Object IO.FileStream($path, [IO.FileMode]::Open, [IO.FileAccess]::Read, $share)
      $reader = New-Object IO.StreamReader($stream)
      try { $line = $reader.ReadLine() } finally { $reader.Dispose() }
      if ($null -eq $line) { return '' }
      return $line.Trim()
    } catch {
      Start-Sleep -Milliseconds 100
    }
  }
  return ''
}

# The first word of a file when it can be the name of a version: it becomes a part of a path.
function IdIn($name) {
  $id = (LineIn $name).Split(' ')[0]
  if ($id -match '\A[A-Za-z0-9_+-][A-Za-z0-9._+-]*\z') { return $id }
  return ''
}

# A folder that is full or may not be written to must not keep the agent from running.
function WriteTo($name, $text) {
  try { [IO.File]::WriteAllText((PathOf $name), $text + [char]10) } catch { Say "$name cannot be written" }
}
function Forget($names) {
  foreach ($name in $names) { try { [IO.File]::Delete((PathOf $name)) } catch { } }
}

# One argument as the C runtime of Windows takes a command line apart: backslashes count only before a quotation mark.
function Quote($text) {
  if ($text -ne '' -and $text -notmatch '[\s"]') { return $text }
  $text = [regex]::Replace($text, '(\\*)"', '$1$1\"')
  $text = [regex]::Replace($text, '(\\+)\z', '$1$1')
  return '"' + $text + '"'
}

function Start-Version($id) {
  $info = New-Object Diagnostics.ProcessStartInfo
  $info.FileName = ExecutableOf $id
  $info.Arguments = @($arguments | ForEach-Object { Quote ([string]$_) }) -join ' '
  $info.UseShellExecute = $false
  $info.CreateNoWindow = $service
  $info.RedirectStandardInput = $true
  $info.EnvironmentVariables['OUTRUNNER_LAUNCHED'] = $info.FileName
  $info.EnvironmentVariables['OUTRUNNER_STOP_WITH_STDIN'] = '1'
  return [Diagnostics.Process]::Start($info)
}

$script:child = $null
$script:ending = $false
$script:givenUp = ''

# Asks the agent to end. It has been asked before when its standard input is closed already.
function AskToEnd { try { $script:child.StandardInput.Close() } catch { } }
function StopIsWanted { return $service -and [IO.File]::Exists((PathOf 'stop')) }

# Runs a version until it ends and returns its exit code. One on trial is ended when it has not checked in within its time.
function RunVersion($id, $trial, $seconds) {
  try { $script:child = Start-Version $id } catch {
    Say "version $id cannot be started: $($_.Exception.Message)"
    return 126
  }
  $clock = [Diagnostics.Stopwatch]::StartNew()
  $killAt = [double]::PositiveInfinity
  $watched = $trial -ne ''
  while (-not $script:child.WaitForExit(500)) {
    $now = $clock.Elapsed.TotalSeconds
    if (-not $script:ending -and (StopIsWanted)) {
      $script:ending = $true
      $killAt = [Math]::Min($killAt, $now + ${STOP_SECONDS})
      AskToEnd
    }
    if ($watched -and (LineIn 'trial') -cne $trial) { $watched = $false }
    if ($watched -and $now -ge $seconds) {
      $watched = $false
      WriteTo 'trial.late' $trial
      $killAt = [Math]::Min($killAt, $now + 15)
      AskToEnd
    }
    if ($now -ge $killAt) { try { $script:child.Kill() } catch { } }
  }
  $code = $script:child.ExitCode
  $script:child = $null
  return $code
}

# Back to what was in use; why is kept for the agent, which tells it to the coordinator.
function Reject($id, $trial, $reason) {
  Say "version $id is given up ($reason)"
  $script:givenUp = $trial
  WriteTo 'failed.new' "$id $reason"
  try { Move-Item -LiteralPath (PathOf 'failed.new') -Destination (PathOf 'failed') -Force } catch { }
  Forget @('trial', 'trial.begun', 'trial.late')
}

# The version in use, else the one before it, else nothing.
function VersionToStart($current) {
  if ($current -ne '' -and [IO.File]::Exists((ExecutableOf $current))) { return $current }
  $previous = IdIn 'previous'
  if ($previous -eq '' -or -not [IO.File]::Exists((ExecutableOf $previous))) { return '' }
  Say "version '$current' is not there; starting $previous, which was in use before"
  return $previous
}

$pause = 5
try {
  if ($service) { Forget @('stop') }
  while ($true) {
    $current = IdIn 'current'
    $new = IdIn 'trial'
    $trial = LineIn 'trial'
    $began = [Diagnostics.Stopwatch]::StartNew()
    $onTrial = $false
    if ($new -ne '' -and $new -ceq $current) {
      # It has checked in; only the cleaning up was cut off.
      Forget @('trial', 'trial.begun', 'trial.late')
    } elseif ($new -ne '' -and $trial -cne $script:givenUp) {
      $onTrial = $true
    }
    if ($onTrial) {
      $seconds = 120
      $parts = $trial.Split(' ')
      if ($parts.Count -gt 1 -and $parts[1] -match '\A[0-9]{1,6}\z') { $seconds = [int]$parts[1] }
      if ((LineIn 'trial.begun') -ceq $trial) {
        # An earlier launcher was cut off in mid trial.
        Reject $new $trial 'interrupted'
        continue
      }
      if (-not [IO.File]::Exists((ExecutableOf $new))) {
        Reject $new $trial 'missing'
        continue
      }
      WriteTo 'trial.begun' $trial
      Say "trying version $new"
      $code = RunVersion $new $trial $seconds
      if ((LineIn 'trial') -ceq $trial -and (IdIn 'current') -cne $new) {
        if ((LineIn 'trial.late') -ceq $trial) {
          Reject $new $trial 'silent'
        } elseif ($script:ending) {
          # Stopped from outside in mid trial: that says nothing against it, and it is tried at the next start.
          Forget @('trial.begun')
        } else {
          Reject $new $trial "exit-$code"
        }
        if (-not $script:ending) { continue }
      }
    } else {
      $version = VersionToStart $current
      if ($version -eq '') {
        Say "there is no version in $program; install the agent again"
        if ($service) { exit 0 }
        exit ${noVersionExit}
      }
      $code = RunVersion $version '' 0
    }
    if ($script:ending) { exit $code }
    if ($code -eq ${switchExit}) { continue }
    if (-not $service) { exit $code }
    # A task that failed may be started again by the system, and this would be the same then.
    if (@(${finalExits.join(', ')}) -contains $code) { exit 0 }
    # Longer from time to time, until it has run for a while.
    if ($began.Elapsed.TotalSeconds -gt 600) { $pause = 5 }
    Say "the agent ended with $code; it is started again in $pause seconds"
    for ($waited = 0; $waited -lt $pause; $waited++) {
      if (StopIsWanted) { exit $code }
      Start-Sleep -Seconds 1
    }
    $pause = [Math]::Min($pause * 2, 300)
  }
} finally {
  # Also when somebody presses Ctrl+C: then the agent has been told, and gets the time to end.
  if ($null -ne $script:child) {
    AskToEnd
    if (-not $script:child.WaitForExit(${STOP_SECONDS * 1000})) { try { $script:child.Kill() } catch { } }
  }
}
`;
}
