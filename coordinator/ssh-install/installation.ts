import type { z } from 'zod';
import type { NewLocalInstallSchema, NewSshInstallSchema, SshInstall } from '../../protocol/api/ssh-installs.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { installOverSsh } from './install-over-ssh.ts';
import type { SshInstallPorts } from './install-ports.ts';
import { checkSignIn, type SignIn } from './sign-in.ts';
import type { ThisComputer } from './this-computer.ts';

type Input = z.output<typeof NewSshInstallSchema>;
type LocalInput = z.output<typeof NewLocalInstallSchema>;

/** An installation that can be begun: what is shown of it, and how it runs. */
export interface Installation {
  readonly what: Pick<SshInstall, 'where' | 'host' | 'port' | 'user' | 'mode' | 'name'>;
  run(ports: SshInstallPorts, signal: AbortSignal): Promise<void>;
}

/**
 * One over SSH, of what was filled in. `agentSocket`: where the SSH agent of this process listens.
 * @throws OutrunnerError `invalid-input` for a key that cannot be used, `ssh-agent-missing`.
 */
export async function overSsh(input: Input, agentSocket: string | null): Promise<Installation> {
  await checkSignIn(input.auth);
  const { host, port, user, mode, name, start } = input;
  const signIn = signInOf(input.auth, agentSocket);
  const sudoPassword = input.sudoPassword ?? (signIn.method === 'password' ? signIn.password : null);
  const request = { host, port, user, mode, name, start, signIn, sudoPassword };
  const what = { where: 'ssh', host, port, user, mode, name } as const;
  return { what, run: (ports, signal) => installOverSsh(request, ports, signal) };
}

/** One on this computer, for its user alone. @throws OutrunnerError `install-here-impossible`. */
export function onThisComputer({ name, start }: LocalInput, here: ThisComputer | null): Installation {
  if (here === null) {
    const detail = 'This coordinator is not part of a desktop console: nobody sits at its computer.';
    throw new OutrunnerError('install-here-impossible', { detail });
  }
  const { host, user } = here;
  const what = { where: 'here', host, port: 0, user, mode: 'user', name } as const;
  return { what, run: (ports, signal) => here.install({ name, start }, ports, signal) };
}

function signInOf(auth: Input['auth'], socket: string | null): SignIn {
  if (auth.method !== 'agent') return auth;
  if (socket === null) throw new OutrunnerError('ssh-agent-missing');
  return { method: 'agent', socket };
}
