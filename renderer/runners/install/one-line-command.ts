import type { PlatformTarget } from '../../../protocol/enrolment.ts';
import { powershellWord, shWord } from '../../../protocol/shell-words.ts';

/** How the agent runs on its host. */
export type InstallMode = 'service' | 'user' | 'foreground';

export interface OneLine {
  readonly platform: PlatformTarget;
  readonly mode: InstallMode;
  /** Addresses of the scripts, with the token in them. */
  readonly sh: string;
  readonly ps1: string;
  /** What the person typed; empty for nothing. */
  readonly proxy: string;
  readonly ca: string;
}

/** Where the certificates are put before the first thing is fetched: it needs them too. */
const CA_FILE = 'outrunner-ca.pem';

/** What to paste into a shell of the host. */
export function oneLineCommand(line: OneLine): string {
  return line.platform === 'win-x64' ? forPowershell(line) : forShell(line);
}

/**
 * Without -f: what is answered for a token that is no longer open is a script that says why and fails, so that the reason
 * is seen and the pipe ends with an error.
 */
function forShell({ mode, sh, proxy, ca }: OneLine): string {
  const fetch = ['curl -sSL'];
  const options: string[] = [];
  if (proxy !== '') {
    fetch.push(`--proxy ${shWord(proxy)}`);
    options.push(`--proxy ${shWord(proxy)}`);
  }
  if (ca !== '') {
    fetch.push(`--cacert ${CA_FILE}`);
    options.push(`--ca ${CA_FILE}`);
  }
  if (mode !== 'service') options.unshift(mode === 'user' ? '--user' : '--foreground');
  const run = mode === 'service' ? 'sudo sh' : 'sh';
  const pipe = `${fetch.join(' ')} ${shWord(sh)} | ${run}${options.length === 0 ? '' : ` -s -- ${options.join(' ')}`}`;
  return ca === '' ? pipe : `cat >${CA_FILE} <<'END'\n${lines(ca)}\nEND\n${pipe}`;
}

/** PowerShell's own download takes no certificates and no password for a proxy: then the curl that Windows has fetches. */
function forPowershell({ mode, ps1, proxy, ca }: OneLine): string {
  const options: string[] = [];
  if (mode === 'user') options.push('-User');
  if (mode === 'foreground') options.push('-Foreground');
  if (proxy !== '') options.push(`-Proxy ${powershellWord(proxy)}`);
  if (ca !== '') options.push(`-Ca ${CA_FILE}`);
  const through = proxy === '' ? '' : ` --proxy ${powershellWord(proxy)}`;
  const trusting = ca === '' ? '' : ` --cacert ${CA_FILE} --ssl-revoke-best-effort`;
  const fetch =
    proxy === '' && ca === ''
      ? `irm ${powershellWord(ps1)}`
      : `(curl.exe -sSL${through}${trusting} ${powershellWord(ps1)}) -join "\`n"`;
  const run =
    options.length === 0
      ? `${fetch} | iex`
      : `& ([scriptblock]::Create((${fetch})))${options.map((one) => ` ${one}`).join('')}`;
  return ca === '' ? run : `@'\n${lines(ca)}\n'@ | Set-Content -Encoding ascii ${CA_FILE}\n${run}`;
}

function lines(pem: string): string {
  return pem.trim().replaceAll('\r', '');
}
