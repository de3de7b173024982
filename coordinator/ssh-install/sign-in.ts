import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware } from 'ssh2';
import type { z } from 'zod';
import type { SshSignInSchema } from '../../protocol/api/ssh-installs.ts';
import { OutrunnerError } from '../../protocol/problems.ts';

/** How to sign in, as it was asked for; an agent with its socket. */
export type SignIn =
  | Exclude<z.output<typeof SshSignInSchema>, { method: 'agent' }>
  | { readonly method: 'agent'; readonly socket: string };

/** What the server said about signing in, for the words of a refusal. */
export interface SignInStory {
  /** Methods that it would take, as it said last. */
  accepted: readonly string[];
  /** Whether it took one and wants another one too. */
  partial: boolean;
  /** Whether it was offered anything. */
  tried: boolean;
}

/**
 * Checks a private key before any host is asked, so that a wrong passphrase is not taken for a refusal.
 * @throws OutrunnerError `invalid-input` that names the field.
 */
export async function checkSignIn(auth: z.output<typeof SshSignInSchema>): Promise<void> {
  if (auth.method !== 'key') return;
  const { utils } = await loadSsh();
  const parsed = utils.parseKey(auth.privateKey, auth.passphrase ?? undefined);
  if (parsed instanceof Error) {
    const encrypted = /passphrase|encrypted|integrity|decrypt/i.test(parsed.message);
    if (!encrypted) {
      const detail = 'This is not a private key in OpenSSH, PEM or PuTTY form.';
      throw new OutrunnerError('invalid-input', { detail, fields: [{ path: 'auth.privateKey', message: detail }] });
    }
    const given = auth.passphrase !== null && auth.passphrase !== '';
    const detail = given
      ? 'The passphrase does not open this key.'
      : 'This key is encrypted: its passphrase is needed.';
    throw new OutrunnerError('invalid-input', { detail, fields: [{ path: 'auth.passphrase', message: detail }] });
  }
  if (parsed.isPrivateKey()) return;
  const detail = 'This is the public key. The private one is needed to sign in; it is the file without “.pub”.';
  throw new OutrunnerError('invalid-input', { detail, fields: [{ path: 'auth.privateKey', message: detail }] });
}

/** Answers the server with the ways that `signIn` has, one after the other, and writes down what the server says. */
export function signInHandler(user: string, signIn: SignIn, story: SignInStory): AuthHandlerMiddleware {
  const ways = waysOf(user, signIn);
  return (left: AuthenticationType[] | null, partial: boolean | null, next) => {
    // At first nothing is known; the server answers "none" with what it takes.
    if (left === null) {
      next({ type: 'none', username: user });
      return;
    }
    story.accepted = left;
    story.partial ||= partial === true;
    const at = ways.findIndex((way) => left.includes(way.type === 'agent' ? 'publickey' : way.type));
    const [way] = at < 0 ? [] : ways.splice(at, 1);
    story.tried ||= way !== undefined;
    // `false` is how the library is told that there is nothing more; its types do not know.
    next(way ?? (false as never));
  };
}

function waysOf(username: string, signIn: SignIn): AnyAuthMethod[] {
  switch (signIn.method) {
    case 'key':
      return [
        {
          type: 'publickey',
          username,
          key: signIn.privateKey,
          ...(signIn.passphrase === null ? {} : { passphrase: signIn.passphrase }),
        },
      ];
    case 'agent':
      return [{ type: 'agent', username, agent: signIn.socket }];
    case 'password': {
      const { password } = signIn;
      return [
        { type: 'password', username, password },
        {
          type: 'keyboard-interactive',
          username,
          // The same password in another dress. A question whose answer may be seen is none for it.
          prompt: (_name, _instructions, _language, prompts, finish) =>
            finish(prompts.map((one) => (one.echo === true ? '' : password))),
        },
      ];
    }
  }
}

/** The library, from the first time on that it is needed. */
export async function loadSsh(): Promise<typeof import('ssh2')> {
  const module = await import('ssh2');
  // It is CommonJS: some loaders find its names only on `default`.
  return 'Client' in module ? module : (module as { default: typeof import('ssh2') }).default;
}
