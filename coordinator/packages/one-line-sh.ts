import { shWord } from '../../protocol/shell-words.ts';
import { INSTALL_EXIT } from './install-facts.ts';
import type { OneLineFacts, OneLinePackage } from './one-line-facts.ts';

/**
 * What `curl … | sh` runs: finds out the platform, fetches the package, checks it against what stands here, and runs its
 * install.sh. All of it is one function, and the call in braces: of a script that is cut off anywhere, nothing runs.
 */
export function oneLineSh(facts: OneLineFacts): string {
  return `#!/bin/sh
# Installs an Outrunner Runner on this host. What may follow:  | sh -s -- --help
outrunner_install() {
  set -u
  umask 077
  say() { printf 'outrunner: %s\\n' "$1"; }
  fail() { printf 'outrunner: %s\\n' "$2" >&2; exit "$1"; }
  has() { command -v "$1" >/dev/null 2>&1; }

  proxy='' ca='' user='' foreground='' help='' last=''
  for argument in "$@"; do
    case $last in
      --proxy) proxy=$argument ;;
      --ca) ca=$argument ;;
    esac
    last=$argument
    case $argument in
      --proxy=*) proxy=\${argument#*=} ;;
      --ca=*) ca=\${argument#*=} ;;
      --user) user=yes ;;
      --foreground) foreground=yes ;;
      --help | -h) help=yes ;;
    esac
  done
  if [ -n "$help" ]; then
    cat <<'END'
Usage: curl -sSL ADDRESS | sh -s -- [options]
  --user          for you alone, without root
  --name NAME     name of the service; another name is another Runner on this host
  --no-start      install, but do not start it yet
  --replace       take the place of another Runner that has this name here
  --foreground    install nothing: unpack into this folder and run until Ctrl-C
  --proxy URL     through this proxy, like http://host:port; now, and by the agent later
  --ca FILE       certificates in PEM of a private authority to trust; now, and by the agent later
END
    exit 0
  fi
  case $proxy in *[\\"\\\\]*) fail ${INSTALL_EXIT.usage} '--proxy must be like http://host:port.' ;; esac
  case $ca in *[\\"\\\\]*) fail ${INSTALL_EXIT.usage} '--ca: this file name cannot be used here.' ;; esac
  [ -z "$ca" ] || [ -r "$ca" ] || fail ${INSTALL_EXIT.usage} "--ca: $ca cannot be read."

  system=$(uname -s) machine=$(uname -m) platform=''
  case $system/$machine in
    Linux/x86_64 | Linux/amd64) platform=linux-x64 ;;
    Linux/aarch64 | Linux/arm64) platform=linux-arm64 ;;
    Darwin/arm64) platform=macos-arm64 ;;
    Darwin/x86_64)
      platform=macos-x64
      [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" != 1 ] || platform=macos-arm64 ;;
  esac
  case $platform in
${facts.packages.map(platformCase).join('\n')}
    *) fail ${INSTALL_EXIT.wrongPlatform} "there is no agent for $system $machine." ;;
  esac
  [ -n "$user$foreground" ] || [ "$(id -u)" -eq 0 ] ||
    fail 1 'a service of the host needs root: write sudo before sh, or add  -s -- --user  after it.'
  folder=${shWord(facts.folder)}
  [ -z "$foreground" ] || [ ! -e "$folder" ] || fail 1 "$folder is here already; start it with $folder/start.sh"
  for tool in mktemp tar wc cut; do has "$tool" || fail 1 "this host has no $tool, which the installation needs."; done

  work=$(mktemp -d) || fail 1 'no temporary folder can be made.'
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  # The token and a proxy's password are read from files of this user: what stands in arguments others can see.
  printf '%s' ${shWord(JSON.stringify({ token: facts.token, platform: '@' }).replace('"@"}', '"'))}"$platform"'"}' >"$work/request"
  url=${shWord(facts.packageUrl)}
  trusted=$ca way=$proxy
${facts.ca === null ? '' : `  if [ -z "$trusted" ]; then trusted=$work/ca.pem; printf '%s\\n' ${shWord(facts.ca.trim())} >"$trusted"; fi\n`}${facts.proxy === null ? '' : `  [ -n "$way" ] || way=${shWord(facts.proxy)}\n`}
  say "fetching the package for $platform ($size bytes)"
  if has curl; then
    {
      printf 'url = "%s"\\n' "$url"
      [ -z "$way" ] || printf 'proxy = "%s"\\n' "$way"
      [ -z "$trusted" ] || printf 'cacert = "%s"\\n' "$trusted"
    } >"$work/curl"
    status=$(curl -sS -K "$work/curl" -H 'content-type: application/json' --data-binary "@$work/request" \\
      --connect-timeout 30 --retry 2 -o "$work/package" -w '%{http_code}') ||
      fail ${INSTALL_EXIT.notReached} 'the package could not be fetched; the line above says why.'
    [ "$status" = 200 ] ||
      fail ${INSTALL_EXIT.notReached} "the coordinator gave no package (HTTP $status): $(head -c 2000 "$work/package" | sed -n 's/.*"detail":"\\([^"]*\\)".*/\\1/p')"
  elif has wget; then
    [ -z "$way" ] || export http_proxy="$way" https_proxy="$way"
    set_ca=''
    [ -z "$trusted" ] || set_ca="--ca-certificate=$trusted"
    wget -q -O "$work/package" --header 'content-type: application/json' --post-file "$work/request" \\
      \${set_ca:+"$set_ca"} "$url" ||
      fail ${INSTALL_EXIT.notReached} 'the package could not be fetched: wget ended with an error.'
  else
    fail 1 'this host has neither curl nor wget to fetch the package with.'
  fi

  [ "$(wc -c <"$work/package")" -eq "$size" ] ||
    fail ${INSTALL_EXIT.notReached} "the package is not whole: $(wc -c <"$work/package" | tr -d ' ') of $size bytes came. Try again."
  found=$(if has sha256sum; then sha256sum
    elif has shasum; then shasum -a 256
    elif has openssl; then openssl dgst -sha256 -r
    fi <"$work/package" | cut -c 1-64)
  [ -n "$found" ] || fail 1 'this host has no sha256sum, shasum or openssl to check the package with.'
  [ "$found" = "$sha256" ] || fail ${INSTALL_EXIT.notGenuine} "the package is not what was announced: its SHA-256 is $found instead of $sha256."
  # -m: a host whose clock is behind would be told about each file that it comes from the future.
  tar -xmzf "$work/package" -C "$work" || fail 1 'the package could not be unpacked; the line above says why.'
  rm "$work/package"

  if [ -n "$foreground" ]; then
    set -- --check
    [ -z "$proxy" ] || set -- "$@" "--proxy=$proxy"
    [ -z "$ca" ] || set -- "$@" "--ca=$ca"
    sh "$work/$folder/install.sh" "$@" </dev/null || exit $?
    mv "$work/$folder" "$folder" || fail 1 "$folder could not be made here."
    rm -rf "$work"
    trap - EXIT
    exec "./$folder/start.sh" </dev/null
  fi
  sh "$work/$folder/install.sh" "$@" </dev/null
  exit $?
}

{ outrunner_install "$@"; }
`;
}

function platformCase({ platform, label, archive }: OneLinePackage): string {
  if (archive !== null) return `    ${platform}) size=${archive.size} sha256=${archive.sha256} ;;`;
  const why = `the executable for ${label} is not built on this coordinator. Build it there with: npm run build:agents ${platform}`;
  return `    ${platform}) fail ${INSTALL_EXIT.wrongPlatform} ${shWord(why)} ;;`;
}

/** What is sent instead when there is nothing to install: a script too, because it goes straight into a shell. */
export function refusalSh(line: string): string {
  return `{ printf 'outrunner: %s\\n' ${shWord(line)} >&2; exit 1; }\n`;
}
