import { shWord } from '../../protocol/shell-words.ts';
import { RELEASE_NAMESPACE } from '../../protocol/ssh-signature.ts';
import type { SmallFile } from './archive.ts';
import { ED25519_PYTHON } from './ed25519-python.ts';
import { INSTALL_EXIT, type InstallFacts, keyWords } from './install-facts.ts';

/**
 * `install.sh` of a package for Linux or macOS: checks the executable, then lets it install itself as a service.
 * For every POSIX shell (dash, busybox ash, bash 3.2), with nothing but what each system has. The release's signature is
 * checked by OpenSSL 3; where that is not (macOS, older Linux) by the ssh-keygen of OpenSSH 8.1 or later; on Linux that has
 * neither (RHEL 8) by Python 3. On a Mac nothing but ssh-keygen is asked: its python3 may be a stub that opens a window.
 */
export function installSh(facts: InstallFacts): SmallFile {
  const sshFile = facts.sshKey === null ? [] : ['release.sshsig'];
  const files = [facts.executable, 'runner.json', 'release.json', 'release.signed', 'release.sig', ...sshFile];
  const python = facts.target.startsWith('linux') ? PYTHON_CHECK : '';
  const missing = [
    'no openssl here that knows Ed25519',
    facts.sshKey === null ? 'no SSH signature in this release' : 'no ssh-keygen of OpenSSH 8.1 or later',
    ...(python === '' ? [] : ['no Python 3']),
  ];
  const content = `#!/bin/sh
# Installs the Outrunner agent of this folder as a service of this host; ./install.sh --help says how.
# Nothing of this folder runs before it is checked against what stands here.
set -u
mask=$(umask)
umask 077

label=${shWord(facts.label)}
sha256=${shWord(facts.sha256)}
listed=${shWord(facts.listed)}
release_key=${shWord(facts.keyPem)}
ssh_key=${shWord(facts.sshKey ?? '')}

say() { printf 'outrunner: %s\\n' "$1"; }
fail() { printf 'outrunner: %s\\n' "$2" >&2; exit "$1"; }
has() { command -v "$1" >/dev/null 2>&1; }

usage() {
  cat <<'END'
Usage: ./install.sh [options]
Installs the Outrunner agent of this folder as a service, or brings the one that is there up to date.
  --user          for you alone, without root
  --name NAME     name of the service (${facts.serviceName}); another name is another Runner on this host
  --no-start      do not start it yet
  --replace       take the place of another Runner that has this name here
  --sudo          let jobs use sudo; --no-sudo takes it back
  --proxy URL     reach the coordinator through this proxy, like http://host:port
  --ca FILE       certificates in PEM of a private authority to trust
  --uninstall     take the service away; configuration and identity stay
  --purge         with --uninstall: those too
  --check         check the package, take over proxy and CA, install nothing
  --help          this text
Exit: 0 done, ${INSTALL_EXIT.usage} wrong option, ${INSTALL_EXIT.notGenuine} not genuine, ${INSTALL_EXIT.wrongPlatform} for another platform; others are the agent's own.
END
}

sha256_of() {
  if has sha256sum; then sha256sum
  elif has shasum; then shasum -a 256
  elif has openssl; then openssl dgst -sha256 -r
  else return 1
  fi <"$1" | cut -c 1-64
}

# Whether this openssl can do Ed25519 at all: it has to sign and verify something of its own.
can_verify() {
  has openssl &&
    openssl genpkey -algorithm ed25519 -out "$work/own.key" 2>/dev/null &&
    openssl pkey -in "$work/own.key" -pubout -out "$work/own.pem" 2>/dev/null &&
    openssl pkeyutl -sign -inkey "$work/own.key" -rawin -in "$work/own.pem" -out "$work/own.sig" 2>/dev/null &&
    openssl pkeyutl -verify -pubin -inkey "$work/own.pem" -rawin -in "$work/own.pem" -sigfile "$work/own.sig" \\
      >/dev/null 2>&1
}

verify_by_ssh() {
  ssh-keygen -Y verify -f "$1" -I release -n ${RELEASE_NAMESPACE} -s "$2" >/dev/null 2>&1
}

# The same question to this ssh-keygen: before OpenSSH 8.1 it verifies nothing.
can_verify_by_ssh() {
  has ssh-keygen &&
    ssh-keygen -q -t ed25519 -N '' -f "$work/own-ssh" </dev/null >/dev/null 2>&1 &&
    printf 'release %s\\n' "$(cat "$work/own-ssh.pub")" >"$work/own-signers" &&
    ssh-keygen -Y sign -f "$work/own-ssh" -n ${RELEASE_NAMESPACE} "$work/own-signers" </dev/null >/dev/null 2>&1 &&
    verify_by_ssh "$work/own-signers" "$work/own-signers.sig" <"$work/own-signers"
}
${python}
check() {
  for file in ${files.join(' ')}; do
    [ -f "$file" ] || fail ${INSTALL_EXIT.notGenuine} "$file is missing here. Unpack the whole package again."
  done
  found=$(sha256_of ${facts.executable}) && [ -n "$found" ] ||
    fail 1 'this host has no sha256sum, shasum or openssl to check the executable with, so nothing was run.'
  [ "$found" = "$sha256" ] ||
    fail ${INSTALL_EXIT.notGenuine} "${facts.executable} is not what was released: its SHA-256 is $found instead of $sha256. Download it again."
  grep -q -F -e "$listed" release.signed ||
    fail ${INSTALL_EXIT.notGenuine} 'release.signed does not list this executable. Download the package again.'
  if can_verify; then
    printf '%s\\n' "$release_key" >"$work/release.pem"
    openssl pkeyutl -verify -pubin -inkey "$work/release.pem" -rawin -in release.signed -sigfile release.sig \\
      >/dev/null 2>&1 ||
      fail ${INSTALL_EXIT.notGenuine} 'the signature of release.signed is wrong. Download the package again.'
  elif [ -n "$ssh_key" ] && can_verify_by_ssh; then
    printf 'release %s\\n' "$ssh_key" >"$work/signers"
    verify_by_ssh "$work/signers" release.sshsig <release.signed ||
      fail ${INSTALL_EXIT.notGenuine} 'the signature of release.signed in release.sshsig is wrong. Download the package again.'
${
  python === ''
    ? ''
    : `  elif can_verify_by_python; then
    "$python" -I "$work/verify.py" ${shWord(facts.keyBytes)} release.signed release.sig 2>/dev/null ||
      fail ${INSTALL_EXIT.notGenuine} 'the signature of release.signed is wrong. Download the package again.'
`
}  else
    say ${shWord(`SHA-256 is right. The signature was not checked: ${missing.join(', ')}.`)}
    return
  fi
  say ${shWord(`SHA-256 and signature are right (${keyWords(facts)}).`)}
}

right_platform() {
  system=$(uname -s) machine=$(uname -m)
  case $system/$machine in
${platformCases(facts)}
  esac
  fail ${INSTALL_EXIT.wrongPlatform} "this package is for $label; this host is $system $machine. Download the one for it."
}

# Writes one field of runner.json, which has each field in a line of its own. The value comes through the environment:
# a proxy may have a password, and arguments can be seen by others.
set_field() {
  OUTRUNNER_FIELD="  \\"$1\\":" OUTRUNNER_VALUE=$2 awk '
    index($0, ENVIRON["OUTRUNNER_FIELD"]) == 1 { next }
    { print }
    index($0, "  \\"version\\":") == 1 { print ENVIRON["OUTRUNNER_FIELD"] " " ENVIRON["OUTRUNNER_VALUE"] "," }
  ' runner.json >"$work/runner.json" && cat "$work/runner.json" >runner.json ||
    fail 1 "runner.json could not be written in $(pwd)."
}

check_proxy() {
  [ "$(printf '%s' "$1" | wc -l)" -eq 0 ] &&
    printf '%s\\n' "$1" | LC_ALL=C grep -E -q '^(https?|socks(4a?|5h?)?)://[!$-.0-~]+/?$' &&
    case $1 in *\\?* | *\\"* | *\\\\*) false ;; esac ||
    fail ${INSTALL_EXIT.usage} '--proxy must be like http://host:port or socks5://host:port.'
}

ca_as_json() {
  LC_ALL=C awk '
    { sub(/\\r$/, "") }
    /^-----BEGIN CERTIFICATE-----$/ { inside = 1 }
    inside { if ($0 !~ /^[A-Za-z0-9+\\/= -]*$/) bad = 1; text = text $0 "\\\\n" }
    /^-----END CERTIFICATE-----$/ && inside { inside = 0; count++ }
    END { if (bad || inside || !count) exit 1; printf "\\"%s\\"", text }
  ' <"$1"
}

needs_value() { [ "$1" -gt 1 ] || fail ${INSTALL_EXIT.usage} "$2 needs a value; --help says which."; }

main() {
  user='' name='' start=yes remove='' purge='' proxy='' ca='' only_check='' more=''
  while [ $# -gt 0 ]; do
    case $1 in
      --user) user=yes ;;
      --name) needs_value $# "$1"; name=$2; shift ;;
      --name=*) name=\${1#*=} ;;
      --no-start) start='' ;;
      --proxy) needs_value $# "$1"; proxy=$2; shift ;;
      --proxy=*) proxy=\${1#*=} ;;
      --ca) needs_value $# "$1"; ca=$2; shift ;;
      --ca=*) ca=\${1#*=} ;;
      --uninstall) remove=yes ;;
      --purge) purge=yes ;;
      --check) only_check=yes ;;
      --replace | --sudo | --no-sudo) more="$more $1" ;;
      --help | -h) usage; exit 0 ;;
      *) fail ${INSTALL_EXIT.usage} "there is no option $1; --help lists them." ;;
    esac
    shift
  done
  case $name in
    '') ;;
    *[!abcdefghijklmnopqrstuvwxyz0123456789-]* | [!abcdefghijklmnopqrstuvwxyz]* | ????????????????????????????????*)
      fail ${INSTALL_EXIT.usage} '--name must be 1 to 31 small letters, digits and hyphens, a letter first.' ;;
  esac
  [ -z "$purge" ] || [ -n "$remove" ] || fail ${INSTALL_EXIT.usage} '--purge goes with --uninstall.'
  [ -z "$proxy" ] || check_proxy "$proxy"
  ca_json=''
  if [ -n "$ca" ]; then
    [ -r "$ca" ] || fail ${INSTALL_EXIT.usage} "--ca: $ca cannot be read."
    ca_json=$(ca_as_json "$ca") || fail ${INSTALL_EXIT.usage} "--ca: $ca holds no whole certificate in PEM."
  fi
  CDPATH='' cd -- "$(dirname -- "$0")" || fail 1 'the folder of this script cannot be entered.'
  right_platform
  work=$(mktemp -d) || fail 1 'no temporary folder can be made.'
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  check
  if [ -z "$remove" ]; then
    [ -z "$proxy" ] || set_field proxy "\\"$proxy\\""
    [ -z "$ca_json" ] || set_field ca "$ca_json"
  fi
  [ -z "$only_check" ] || exit 0
  if [ -n "$remove" ]; then
    set -- uninstall
    [ -z "$purge" ] || set -- "$@" --purge
  else
    set -- install --config "$(pwd)/runner.json"
    [ -n "$start" ] || set -- "$@" --no-start
    # Words of this script alone, so that cutting them at blanks is right.
    set -- "$@" $more
  fi
  [ -z "$user" ] || set -- "$@" --user
  [ -z "$name" ] || set -- "$@" --name "$name"
  umask "$mask"
  ./${facts.executable} service "$@" </dev/null
  code=$?
  case $code in
    126 | 127) fail $code "${facts.executable} does not start here.${startHint(facts)} A folder mounted noexec is another cause." ;;
    137) fail $code "${facts.executable} was killed by the system.${killedHint(facts)}" ;;
  esac
  exit $code
}

main "$@"
`;
  return { name: 'install.sh', mode: 0o755, content };
}

const PYTHON_CHECK = `
# And to Python: the one of people, or the one that RHEL 8 has for its own tools.
can_verify_by_python() {
  cat >"$work/verify.py" <<'END'
${ED25519_PYTHON}END
  for python in python3 /usr/libexec/platform-python; do
    ! has "$python" || ! "$python" -I "$work/verify.py" 2>/dev/null || return 0
  done
  return 1
}
`;

function platformCases({ target }: InstallFacts): string {
  const machines = {
    'linux-x64': ['Linux/x86_64', 'Linux/amd64'],
    'linux-arm64': ['Linux/aarch64', 'Linux/arm64'],
    'macos-arm64': ['Darwin/arm64'],
    // Apple silicon runs what is made for Intel.
    'macos-x64': ['Darwin/x86_64', 'Darwin/arm64'],
    'win-x64': [],
  }[target];
  // A shell that itself is made for Intel says x86_64 on Apple silicon.
  const translated =
    target === 'macos-arm64'
      ? `\n    Darwin/x86_64) [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" != 1 ] || return 0 ;;`
      : '';
  return `    ${machines.join(' | ')}) return 0 ;;${translated}`;
}

function startHint({ target }: InstallFacts): string {
  return target.startsWith('linux') ? ' It needs glibc 2.28 or later (Debian 10, RHEL 8; not Alpine).' : '';
}

function killedHint({ target, executable }: InstallFacts): string {
  if (!target.startsWith('macos')) return '';
  return ` macOS does that to what a browser downloaded; take the mark away with: xattr -d com.apple.quarantine ${executable}`;
}
