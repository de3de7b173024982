import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { AGENT_TARGET_TABLE } from '../../protocol/release.ts';
import { type Rights, saidToUs } from './remote-commands.ts';

/** Characters of what a host said last that are repeated. */
const LONGEST_WORDS = 500;

/** What a host says of itself. */
export interface RemoteHost {
  readonly platform: PlatformTarget;
  /** For a person: `Linux x86_64, glibc 2.36, as root`. */
  readonly words: string;
  readonly isRoot: boolean;
  readonly sudo: 'free' | 'password' | 'none';
}

const TARGETS: Record<string, PlatformTarget> = {
  'linux x86_64': 'linux-x64',
  'linux amd64': 'linux-x64',
  'linux aarch64': 'linux-arm64',
  'linux arm64': 'linux-arm64',
  'darwin arm64': 'macos-arm64',
  'darwin x86_64': 'macos-x64',
};
/** The oldest GNU C library that the executables run with. */
const OLDEST_GLIBC = [2, 28] as const;

/**
 * Reads what the detection said, and decides whether there is a Runner for it.
 * @throws OutrunnerError `ssh-platform-unsupported`, `ssh-session-refused` when nothing of it ran.
 */
export function readHost(stdout: string, stderr: string): RemoteHost {
  const said = saidToUs(stdout);
  if (said.get('end') !== 'yes') throw noShell(stdout, stderr);
  const system = said.get('system') ?? '';
  const machine = said.get('machine') ?? '';
  const libc = said.get('libc');
  const platform = TARGETS[`${system} ${machine}`.toLowerCase()];
  if (platform === undefined) throw unsupported(`This host is ${system || 'unknown'} on ${machine || 'unknown'}.`);
  if (said.get('bits') === '32') {
    throw unsupported(`This host has a 64-bit kernel (${machine}) with 32-bit programs; ours cannot run there.`);
  }
  if (system === 'Linux' && libc !== undefined) assertGlibc(libc);
  const isRoot = said.get('uid') === '0';
  const sudo = said.get('sudo');
  return {
    platform,
    words: [`${AGENT_TARGET_TABLE[platform].label} (${machine})`, libc ?? '', isRoot ? 'as root' : '']
      .filter((word) => word !== '')
      .join(', '),
    isRoot,
    sudo: sudo === 'free' || sudo === 'password' ? sudo : 'none',
  };
}

function assertGlibc(libc: string): void {
  const match = /^glibc (\d+)\.(\d+)/.exec(libc);
  if (match === null) {
    throw unsupported('This Linux has another C library than glibc (Alpine, for example); our executable needs glibc.');
  }
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const [oldMajor, oldMinor] = OLDEST_GLIBC;
  if (major > oldMajor || (major === oldMajor && minor >= oldMinor)) return;
  throw unsupported(`This host has ${libc}; our executable needs at least ${oldMajor}.${oldMinor}.`);
}

function unsupported(detail: string): OutrunnerError {
  return new OutrunnerError('ssh-platform-unsupported', { detail });
}

function noShell(stdout: string, stderr: string): OutrunnerError {
  const said = lastWords(`${stdout}\n${stderr}`, 2);
  if (/is not recognized|CommandNotFoundException/.test(said)) {
    return unsupported('This host runs Windows, where an installation over SSH is not possible.');
  }
  const detail = `The host runs no commands for this user${said === '' ? '.' : `; it said: ${said}`}`;
  return new OutrunnerError('ssh-session-refused', { detail });
}

/**
 * How the script gets its rights.
 * @throws OutrunnerError `ssh-no-sudo`, `ssh-sudo-password` when they are needed and not to be had.
 */
export function rightsFor(host: RemoteHost, mode: 'system' | 'user', user: string, password: string | null): Rights {
  if (mode === 'user' || host.isRoot) return 'own';
  if (host.sudo === 'free') return 'sudo';
  if (host.sudo === 'none') {
    throw new OutrunnerError('ssh-no-sudo', { detail: `${user} is not root, and this host has no sudo.` });
  }
  if (password !== null && password !== '') return 'sudo-password';
  throw new OutrunnerError('ssh-sudo-password', { detail: `sudo asks ${user} for a password, and none was given.` });
}

/** Why sudo said no to a password. */
export function explainSudo(user: string, output: string): OutrunnerError {
  if (/not in the sudoers|not allowed to (?:run|execute)|may not run sudo/i.test(output)) {
    return new OutrunnerError('ssh-no-sudo', { detail: `${user} may not use sudo on this host.` });
  }
  if (/must have a tty|no tty present/i.test(output) && !/try again|incorrect/i.test(output)) {
    const detail = 'sudo wants a terminal on this host (requiretty), which an installation over SSH has not.';
    return new OutrunnerError('ssh-no-sudo', { detail });
  }
  return new OutrunnerError('ssh-sudo-password', { detail: `sudo did not take the password of ${user}.` });
}

/** Whether what a command said means that a disk is full, or the share of this user is. */
export function saysFull(output: string): boolean {
  return /no space left|disk quota exceeded|file system full/i.test(output);
}

/** The last lines that say something, on one line, without what is meant for us. */
export function lastWords(output: string, lines = 3): string {
  const text = output
    .split('\n')
    .map(plainLine)
    .filter((line) => line !== '' && !line.startsWith('outrunner-ssh:'))
    .slice(-lines)
    .join(' / ');
  return text.length <= LONGEST_WORDS ? text : `…${text.slice(-LONGEST_WORDS).replace(/^\S*/, '')}`;
}

/** A line of a terminal as plain text: no colours, no control characters. */
export function plainLine(line: string): string {
  return (
    line
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what it takes away
      .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b[@-Z\\-_]/g, '')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
      .trimEnd()
  );
}
