import type { ProblemRow } from './problem-row.ts';

/** What can be in the way between us and a running agent on a host; a part of the table in `problems.ts`. */
export const INSTALL_PROBLEMS = {
  'ssh-unreachable': {
    status: 502,
    retry: true,
    title: 'The host cannot be reached over SSH',
    todo: 'Check the host name and port, that an SSH server runs there, and that no firewall is between.',
  },
  'ssh-handshake-failed': {
    status: 502,
    retry: false,
    title: 'No SSH connection can be agreed on with this host',
    todo: 'Check that the port is that of an SSH server and that it allows common algorithms; else download the package and install it there by hand.',
  },
  'ssh-host-key-changed': {
    status: 409,
    retry: false,
    title: 'The host key is not the one that is known for this host',
    todo: 'Somebody may be listening in. Only if you know that the host was set up again: forget the old key, then start over and compare the new one.',
  },
  'ssh-host-key-refused': {
    status: 409,
    retry: false,
    title: 'The host key was not confirmed',
    todo: 'Compare the fingerprint with the one that the owner of the host gives you, then start over.',
  },
  'ssh-sign-in-refused': {
    status: 409,
    retry: false,
    title: 'The host refused the sign-in',
    todo: 'Check the user name, and the password, key or answers.',
  },
  'ssh-agent-missing': {
    status: 409,
    retry: false,
    title: 'There is no SSH agent to use',
    todo: 'Start what connects (the coordinator, or the console) with SSH_AUTH_SOCK set, or sign in with a key or a password.',
  },
  'ssh-session-refused': {
    status: 409,
    retry: false,
    title: 'The host lets this user in, but runs no commands for it',
    todo: 'Use a user with an ordinary shell. The SSH server must allow two sessions in one connection (MaxSessions).',
  },
  'ssh-connection-lost': {
    status: 502,
    retry: true,
    title: 'The SSH connection was cut',
    todo: 'Start over. What was left on the host is removed there by itself.',
  },
  'ssh-platform-unsupported': {
    status: 409,
    retry: false,
    title: 'There is no Runner for this kind of host',
    todo: 'Choose a host with 64-bit Linux (glibc 2.28 or newer) or macOS. For Windows, download the package and install it there.',
  },
  'ssh-no-space': {
    status: 507,
    retry: true,
    title: 'The host has no room for the package',
    todo: 'Free some space there, then start over.',
  },
  'ssh-no-folder': {
    status: 409,
    retry: false,
    title: 'The host has no folder that the package can be unpacked and run in',
    todo: 'Let the user write to /tmp, /var/tmp or the home folder, on a file system that is not mounted noexec; on Windows, to %LOCALAPPDATA%\\Temp.',
  },
  'ssh-no-sudo': {
    status: 409,
    retry: false,
    title: 'This user may not install for the whole system',
    todo: 'Sign in as root, let the user use sudo, or install in user mode.',
  },
  'ssh-sudo-password': {
    status: 409,
    retry: false,
    title: 'sudo needs a password, or another one',
    todo: 'Give the password that sudo asks this user for, or install in user mode.',
  },
  'ssh-upload-damaged': {
    status: 502,
    retry: true,
    title: 'What arrived on the host is not what was sent',
    todo: 'Start over; if it stays, check the disk of the host.',
  },
  'ssh-install-failed': {
    status: 409,
    retry: false,
    title: 'The installation on the host failed',
    todo: 'The last lines above name the cause. Mend it there, then start over.',
  },
  'ssh-not-checked-in': {
    status: 504,
    retry: false,
    title: 'It is installed, but the Runner has not checked in',
    todo: 'Check that the host can reach the coordinator, and look at the log of the service there.',
  },
  'install-here-impossible': {
    status: 409,
    retry: false,
    title: 'A Runner cannot be installed on this computer from here',
    todo: 'Download the package and install it by hand.',
  },
  'ssh-install-cancelled': {
    status: 409,
    retry: false,
    title: 'The installation was cancelled',
    todo: 'Start over when you want to.',
  },
} as const satisfies Record<string, ProblemRow>;
