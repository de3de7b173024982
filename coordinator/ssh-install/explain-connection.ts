import { OutrunnerError } from '../../protocol/problems.ts';
import type { SignIn, SignInStory } from './sign-in.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

const SOCKET: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'there is no way to this host',
  ENETUNREACH: 'there is no way to its network',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'its name cannot be looked up now',
  ETIMEDOUT: 'it did not answer in time',
  ECONNRESET: 'the connection was reset before anything was said',
};

/** Makes what the library said before a session stood into what a person can act on. */
export function explainConnection(
  error: Error & { readonly level?: string; readonly code?: string },
  at: Address,
  user: string,
  signIn: SignIn,
  story: SignInStory,
): OutrunnerError {
  const where = addressText(at);
  if (story.asking) {
    const detail = `${where} did not wait longer for the answers.`;
    return new OutrunnerError('ssh-sign-in-refused', { detail, cause: error });
  }
  if (error.level === 'client-authentication') return explainRefusal(where, user, signIn, story, error);
  if (error.level === 'agent') {
    const detail = `The SSH agent does not answer (${error.message}).`;
    return new OutrunnerError('ssh-agent-missing', { detail, cause: error });
  }
  if (error.level === 'client-socket' || error.level === 'client-dns' || error.code !== undefined) {
    const why = SOCKET[error.code ?? ''] ?? error.message;
    return new OutrunnerError('ssh-unreachable', { detail: `${where} cannot be reached: ${why}.`, cause: error });
  }
  if (error.level === 'client-timeout') {
    const detail = `${where} took the connection but did not speak SSH in time.`;
    return new OutrunnerError('ssh-unreachable', { detail, cause: error });
  }
  if (/^no matching/i.test(error.message)) {
    const detail = `${where} and we have no algorithm in common (${error.message}).`;
    return new OutrunnerError('ssh-handshake-failed', { detail, cause: error });
  }
  const detail = `${where} did not finish the SSH handshake (${error.message}).`;
  return new OutrunnerError('ssh-handshake-failed', { detail, cause: error });
}

const KIND = {
  password: 'password',
  key: 'key',
  agent: 'key of the SSH agent',
  questions: 'answers',
} as const;

function explainRefusal(where: string, user: string, signIn: SignIn, story: SignInStory, cause: Error): OutrunnerError {
  const takes = story.accepted.map((method) => METHOD[method] ?? method);
  const detail = refusalWords(where, user, signIn, story, takes);
  return new OutrunnerError('ssh-sign-in-refused', { detail, cause });
}

function refusalWords(where: string, user: string, signIn: SignIn, story: SignInStory, takes: string[]): string {
  const offered = KIND[signIn.method];
  if (story.answered) {
    const also = signIn.method === 'questions' ? '' : `, or the ${offered}`;
    return `${where} refused what ${user} answered${also}.`;
  }
  if (story.partial) {
    return `${where} took the ${offered} of ${user} and wants more: ${takes.join(', ')}. Only one way can be used here.`;
  }
  if (story.tried) return `${where} refused the ${offered} of ${user}.`;
  if (signIn.method === 'questions') {
    return `${where} asks ${user} nothing; it takes: ${takes.join(', ') || 'nothing'}.`;
  }
  const kind = signIn.method === 'password' ? 'password' : 'key';
  return `${where} takes no ${kind} from ${user}; it takes: ${takes.join(', ') || 'nothing'}.`;
}

const METHOD: Record<string, string> = {
  publickey: 'a key',
  password: 'a password',
  'keyboard-interactive': 'answers to questions',
};

/** `host`, `host:port` when it is not the usual one, and an IPv6 address in brackets then. */
export function addressText({ host, port }: Address): string {
  if (port === 22) return host;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
