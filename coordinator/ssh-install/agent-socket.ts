/** Where the SSH agent of this process listens; null: there is none. */
export function agentSocket(platform: string, env: Readonly<Record<string, string | undefined>>): string | null {
  if (env.SSH_AUTH_SOCK !== undefined && env.SSH_AUTH_SOCK !== '') return env.SSH_AUTH_SOCK;
  // The agent that comes with Windows has always this one.
  return platform === 'win32' ? '\\\\.\\pipe\\openssh-ssh-agent' : null;
}
