/**
 * Every line that runs on a host, as text. The login shell there may be any: it gets `sh -c '…' name 'argument'…` on one
 * line and finds nothing to interpret. So a script here has no single quote, no line break, and no `!` that a C shell would
 * take for history. What a script says to us stands in lines that begin with {@link MARK}: what else the shell of a user
 * prints at its start is none of our business.
 */
export const MARK = 'outrunner-ssh:';

/** One command for any login shell. @throws RangeError when something in it could mean more than itself. */
export function shCommand(script: readonly string[], args: readonly string[] = []): string {
  const text = script.join(' ');
  if (/['\n]|!(?! )/.test(text)) throw new RangeError('This script would not survive a login shell.');
  return ['sh -c', `'${text}'`, 'outrunner', ...args.map(quoted)].join(' ');
}

function quoted(argument: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  if (/['\\!\u0000-\u001f]/.test(argument)) throw new RangeError('This argument would not survive a login shell.');
  return `'${argument}'`;
}

/** What the host is and what its user may. With `asksSudo` it looks whether sudo is there and free of a password. */
export function detectCommand(asksSudo: boolean): string {
  return shCommand([
    `echo "${MARK}system=$(uname -s)"; echo "${MARK}machine=$(uname -m)"; echo "${MARK}uid=$(id -u)";`,
    `if command -v getconf >/dev/null 2>&1; then`,
    `echo "${MARK}bits=$(getconf LONG_BIT 2>/dev/null)"; echo "${MARK}libc=$(getconf GNU_LIBC_VERSION 2>/dev/null)"; fi;`,
    // Asked only where it matters: a sudo that refuses may write to the administrator.
    ...(asksSudo
      ? [
          'if [ "$(id -u)" = 0 ]; then :;',
          `elif command -v sudo >/dev/null 2>&1; then`,
          `if sudo -n sh -c : >/dev/null 2>&1; then echo "${MARK}sudo=free"; else echo "${MARK}sudo=password"; fi;`,
          `else echo "${MARK}sudo=none"; fi;`,
        ]
      : []),
    `echo "${MARK}end=yes"`,
  ]);
}

/** Tries a password for sudo, from standard input. */
export const SUDO_CHECK = shCommand(['LC_ALL=C sudo -S -k -p "" sh -c : 2>&1']);

/** When nothing was heard from us for this long, nobody is there any more. */
const SILENT_SECONDS = 60;

/**
 * Makes the private folder and stays with it. It goes when it is told to, when its standard input ends (the connection is
 * gone), when it is killed by a signal that can be caught, and when no `beat` came for a minute (the connection is gone
 * and the host has not noticed). An installation that has begun is waited for, at most a quarter of an hour: half an
 * installation is worse than a folder that stays a little longer.
 */
export function folderCommand(needKilobytes: number, silentSeconds = SILENT_SECONDS): string {
  return shCommand(
    [
      'umask 077; need=$1; silent=$2; me=$$; dir=""; watch="";',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is one of the shell
      'for base in "${TMPDIR:-/tmp}" /var/tmp "$HOME"; do',
      '[ -d "$base" ] && [ -w "$base" ] || continue;',
      'free=$(df -Pk "$base" 2>/dev/null | tail -n 1 | awk "{ print \\$4 }");',
      `if [ "$free" -lt "$need" ] 2>/dev/null; then echo "${MARK}full=$free $base"; continue; fi;`,
      'dir=$(mktemp -d "$base/outrunner.XXXXXXXX" 2>/dev/null) || { dir=""; continue; };',
      // An empty file runs as an empty script, unless nothing may be run there.
      ': >"$dir/try"; chmod 700 "$dir/try"; if "$dir/try" 2>/dev/null; then break; fi;',
      `echo "${MARK}noexec=$base"; rm -rf "$dir"; dir=""; done;`,
      '[ -n "$dir" ] || exit 3;',
      'clean() { trap "" HUP INT TERM PIPE; [ -z "$watch" ] || kill "$watch" 2>/dev/null; n=0;',
      'while [ -s "$dir/installing" ] && [ $n -lt 900 ] && kill -0 "$(cat "$dir/installing")" 2>/dev/null;',
      'do sleep 1; n=$((n + 1)); done; rm -rf "$dir"; };',
      'trap "clean; exit 1" HUP INT TERM;',
      // A mark that we set and the watch takes away: when it is not there again, we are not either.
      ': >"$dir/beat"; ( nap=""; trap "kill \\$nap 2>/dev/null; exit 0" TERM;',
      'while sleep $silent & nap=$! ; wait "$nap"; rm "$dir/beat" 2>/dev/null; do :; done;',
      'watch=""; clean; kill -KILL $me ) </dev/null >/dev/null 2>&1 & watch=$! ;',
      `echo "${MARK}folder=$dir";`,
      'while read -r line; do if [ "$line" = beat ]; then : >"$dir/beat"; else break; fi; done;',
      `clean; [ -e "$dir" ] || echo "${MARK}cleaned=yes"`,
    ],
    [String(needKilobytes), String(silentSeconds)],
  );
}

/** Takes the package from standard input. */
export function receiveCommand(folder: string): string {
  return shCommand(['umask 077; LC_ALL=C cat >"$1/package.tar.gz"'], [folder]);
}

/** Says the SHA-256 of what was received, with whatever the host has for that. */
export function hashCommand(folder: string): string {
  return shCommand(
    [
      'cd "$1" || exit 1;',
      'if command -v sha256sum >/dev/null 2>&1; then sum=$(sha256sum <package.tar.gz);',
      'elif command -v shasum >/dev/null 2>&1; then sum=$(shasum -a 256 <package.tar.gz);',
      'else sum=$(openssl dgst -sha256 -r <package.tar.gz); fi;',
      `set -- $sum; echo "${MARK}sha256=$1"`,
    ],
    [folder],
  );
}

/** Unpacks it beside itself; what it took is freed before the installation needs room. */
export function unpackCommand(folder: string): string {
  return shCommand(
    ['umask 077; cd "$1" && mkdir package && LC_ALL=C tar -xzof package.tar.gz -C package && rm package.tar.gz'],
    [folder],
  );
}

/** How the installation gets its rights. `password`: sudo reads it from standard input. */
export type Rights = 'own' | 'sudo' | 'sudo-password';

/** The script of the package, below its one folder. */
const SCRIPT = './install.sh';
/** The package has no such script. */
export const NO_SCRIPT = 90;

/**
 * Runs the script of the package and says how it ended. It does not notice when the connection is cut: its output then goes
 * nowhere, and it comes to its end.
 */
export function installCommand(folder: string, top: string, rights: Rights, options: readonly string[]): string {
  const script = {
    own: `sh ${SCRIPT} "$@" </dev/null`,
    sudo: `sudo -n sh ${SCRIPT} "$@" </dev/null`,
    // Standard input is the password's, and none of the script's.
    'sudo-password': `sudo -S -p "" sh -c "exec sh ${SCRIPT} \\"\\$@\\" </dev/null" install "$@"`,
  }[rights];
  return shCommand(
    [
      `dir=$1; cd "$dir/package/$2" || exit 1; shift 2; [ -f ${SCRIPT} ] || exit ${NO_SCRIPT};`,
      'trap "" HUP; echo $$ >"$dir/installing";',
      `{ ${script} 2>&1; echo "${MARK}exit=$?"; } |`,
      '( trap "" PIPE; while IFS= read -r line || [ -n "$line" ]; do printf "%s\\n" "$line" 2>/dev/null; done );',
      'rm -f "$dir/installing"',
    ],
    [folder, top, ...options],
  );
}

/** The values of the lines that are meant for us, by name; the last one counts. */
export function saidToUs(output: string): Map<string, string> {
  const said = new Map<string, string>();
  for (const line of output.split('\n')) {
    const match = /^outrunner-ssh:([a-z0-9]+)=(.*)$/.exec(line.replace(/\r$/, ''));
    if (match?.[1] !== undefined && match[2] !== undefined) said.set(match[1], match[2]);
  }
  return said;
}
