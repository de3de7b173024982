import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { powershellLauncher } from './launcher-powershell.ts';

/** Exit code of the agent that means "start me again": another version shall be tried, or is in use now. */
export const SWITCH_EXIT = 85;
/** Exit code of the launcher when there is no version to start. */
export const NO_VERSION_EXIT = 78;

/** Ends that would be the same the next time: whoever keeps the agent running does not start it again after them. */
export const FINAL_EXITS: readonly number[] = [
  AGENT_EXIT.usage,
  AGENT_EXIT.configuration,
  AGENT_EXIT.enrolmentRefused,
  AGENT_EXIT.identityRefused,
  AGENT_EXIT.coordinatorNotTrusted,
  AGENT_EXIT.protocolUnsupported,
  NO_VERSION_EXIT,
];

/** Name of the launcher's file on this platform. */
export function launcherName(platform: NodeJS.Platform = process.platform): 'launch' | 'launch.ps1' {
  return platform === 'win32' ? 'launch.ps1' : 'launch';
}

/** The launcher for the shell that the platform has. What it does, and why it is no part of the agent: `README.md`. */
export function launcherText(platform: NodeJS.Platform = process.platform): string {
  if (platform !== 'win32') return SHELL;
  const text = powershellLauncher({ switchExit: SWITCH_EXIT, noVersionExit: NO_VERSION_EXIT, finalExits: FINAL_EXITS });
  return text.replaceAll('\n', '\r\n');
}

const SHELL = `#!/bin/sh
# Starts the version of the Outrunner agent that is in use, tries a new one when there is one, and goes back to the last good
# one when the new one ends, hangs or cannot reach the coordinator. It never changes, so that no update can break it.
# Usage: launch [--launchd] PROGRAM_FOLDER ARGUMENT...
launchd=
if [ "$1" = --launchd ]; then
  launchd=yes
  shift
fi
program=$1
shift

say() { printf 'outrunner-agent launcher: %s\\n' "$1" >&2; }
executable() { printf '%s' "$program/versions/$1/outrunner-agent"; }
line_in() {
  line=
  if [ -r "$1" ]; then read -r line < "$1"; fi
  printf '%s' "$line"
}
# The first word of a file when it can be the name of a version: it becomes a part of a path.
id_in() {
  id=$(line_in "$1")
  id=\${id%% *}
  case $id in
    .* | *[!A-Za-z0-9._+-]*) id= ;;
  esac
  printf '%s' "$id"
}

child=
ending=
# Asked to end: so is the agent, and its end is ours. An interrupt from a terminal has reached it already.
forward() {
  ending=$1
  if [ -n "$child" ]; then kill "-$1" "$child" 2>/dev/null; fi
}
trap 'forward TERM' TERM
trap 'forward HUP' HUP
trap 'ending=INT' INT

begin() {
  version=$1
  shift
  OUTRUNNER_LAUNCHED=$(executable "$version") "$(executable "$version")" "$@" &
  child=$!
  # The signal may have come while there was no child.
  case $ending in TERM | HUP) kill "-$ending" "$child" 2>/dev/null ;; esac
}
# Waits for the end of what was begun; its exit code is in $code.
finish() {
  while :; do
    wait "$child"
    code=$?
    # A signal ends the wait as well.
    kill -0 "$child" 2>/dev/null || break
  done
  child=
}

# launchd tells only zero from the rest: to it, what makes no sense to repeat is zero, and all the rest is not.
leave() {
  if [ -n "$launchd" ] && [ -z "$ending" ]; then
    case $1 in
      ${FINAL_EXITS.join(' | ')}) exit 0 ;;
      0) exit 1 ;;
    esac
  fi
  exit "$1"
}

# Ends a version that has not checked in within its time: it hangs, or cannot connect.
watch() {
  left=$2
  while [ "$left" -gt 0 ]; do
    sleep 1
    left=$((left - 1))
    if [ "$(line_in "$program/trial")" != "$1" ] || ! kill -0 "$3" 2>/dev/null; then exit 0; fi
  done
  printf '%s\\n' "$1" > "$program/trial.late"
  kill -TERM "$3" 2>/dev/null
  left=15
  while [ "$left" -gt 0 ] && kill -0 "$3" 2>/dev/null; do
    sleep 1
    left=$((left - 1))
  done
  kill -KILL "$3" 2>/dev/null
}

# Back to what was in use; why is kept for the agent, which tells it to the coordinator.
given_up=
reject() {
  say "version $1 is given up ($2)"
  given_up=$trial
  printf '%s %s\\n' "$1" "$2" > "$program/failed.new" && mv -f "$program/failed.new" "$program/failed"
  rm -f "$program/trial" "$program/trial.begun" "$program/trial.late"
}

while :; do
  current=$(id_in "$program/current")
  new=$(id_in "$program/trial")
  trial=$(line_in "$program/trial")
  if [ -n "$new" ] && [ "$new" = "$current" ]; then
    # It has checked in; only the cleaning up was cut off.
    rm -f "$program/trial" "$program/trial.begun" "$program/trial.late"
  elif [ -n "$new" ] && [ "$trial" != "$given_up" ]; then
    seconds=\${trial#* }
    seconds=\${seconds%% *}
    case $seconds in '' | *[!0-9]*) seconds=120 ;; esac
    if [ "$(line_in "$program/trial.begun")" = "$trial" ]; then
      # An earlier launcher was cut off in mid trial.
      reject "$new" interrupted
      continue
    fi
    if [ ! -x "$(executable "$new")" ]; then
      reject "$new" missing
      continue
    fi
    printf '%s\\n' "$trial" > "$program/trial.begun"
    say "trying version $new"
    begin "$new" "$@"
    watch "$trial" "$seconds" "$child" &
    watching=$!
    finish
    kill "$watching" 2>/dev/null
    if [ "$(line_in "$program/trial")" = "$trial" ] && [ "$(id_in "$program/current")" != "$new" ]; then
      if [ "$(line_in "$program/trial.late")" = "$trial" ]; then
        reject "$new" silent
      elif [ -n "$ending" ]; then
        # Stopped from outside in mid trial: that says nothing against it, and it is tried at the next start.
        rm -f "$program/trial.begun"
      else
        reject "$new" "exit-$code"
      fi
      if [ -z "$ending" ]; then continue; fi
    fi
    if [ "$code" -eq ${SWITCH_EXIT} ] && [ -z "$ending" ]; then continue; fi
    leave "$code"
  fi

  if [ -z "$current" ] || [ ! -x "$(executable "$current")" ]; then
    previous=$(id_in "$program/previous")
    if [ -z "$previous" ] || [ ! -x "$(executable "$previous")" ]; then
      say "there is no version in $program; install the agent again"
      leave ${NO_VERSION_EXIT}
    fi
    say "version \${current:-(none)} is not there; starting $previous, which was in use before"
    current=$previous
  fi
  begin "$current" "$@"
  finish
  if [ "$code" -eq ${SWITCH_EXIT} ] && [ -z "$ending" ]; then continue; fi
  leave "$code"
done
`;
