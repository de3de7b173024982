import type { z } from 'zod';
import type { NewSshInstallSchema } from '../../protocol/api/ssh-installs.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { SshInstallRequest } from './install-over-ssh.ts';
import type { SignIn } from './sign-in.ts';

type Input = z.output<typeof NewSshInstallSchema>;

/**
 * What the engine is asked for, of what was filled in. `agentSocket`: where the SSH agent of this process listens.
 * @throws OutrunnerError `ssh-agent-missing`.
 */
export function installRequest(input: Input, agentSocket: string | null): SshInstallRequest {
  const { host, port, user, mode, name, start } = input;
  const signIn = signInOf(input.auth, agentSocket);
  const sudoPassword = input.sudoPassword ?? (signIn.method === 'password' ? signIn.password : null);
  return { host, port, user, mode, name, start, signIn, sudoPassword };
}

function signInOf(auth: Input['auth'], socket: string | null): SignIn {
  if (auth.method !== 'agent') return auth;
  if (socket === null) throw new OutrunnerError('ssh-agent-missing');
  return { method: 'agent', socket };
}
