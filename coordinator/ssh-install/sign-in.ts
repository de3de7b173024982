import type { AnyAuthMethod, AuthenticationType, AuthHandlerMiddleware, KeyboardInteractiveAuthMethod } from 'ssh2';
import type { z } from 'zod';
import type { SshQuestions, SshSignInSchema } from '../../protocol/api/ssh-installs.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { plainLine } from './remote-host.ts';

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
  /** Whether a person is being asked something. */
  asking: boolean;
  /** Whether a person answered something. */
  answered: boolean;
}

/** What a host asks who signs in. Its words are plain text of one line each. */
export type HostQuestions = Omit<SshQuestions, 'id'>;
/** Asks a person. Rejects when nobody answered, or nobody will. */
export type AskPerson = (questions: HostQuestions) => Promise<readonly string[]>;

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

/**
 * Answers the server with the ways that `signIn` has, one after the other, and writes down what the server says. What it asks
 * beyond a password goes to a person by `ask`; when that rejects, `failed` hears of it.
 */
export function signInHandler(
  user: string,
  signIn: SignIn,
  story: SignInStory,
  ask: AskPerson,
  failed: (error: unknown) => void,
): AuthHandlerMiddleware {
  const ways = waysOf(user, signIn, story, ask, failed);
  return (left: AuthenticationType[] | null, partial: boolean | null, next) => {
    // At first nothing is known; the server answers "none" with what it takes.
    if (left === null) {
      next({ type: 'none', username: user });
      return;
    }
    story.accepted = left;
    story.partial ||= partial === true;
    const at = ways.findIndex(
      (way) => left.includes(way.type === 'agent' ? 'publickey' : way.type) && (!way.isSecond || story.partial),
    );
    const [way] = at < 0 ? [] : ways.splice(at, 1);
    story.tried ||= way !== undefined;
    // `false` is how the library is told that there is nothing more; its types do not know.
    next(way ?? (false as never));
  };
}

/** A way to sign in; a second one is for hosts that took the first and want more (a code after a key). */
type Way = AnyAuthMethod & { readonly isSecond?: boolean };

function waysOf(
  username: string,
  signIn: SignIn,
  story: SignInStory,
  ask: AskPerson,
  failed: (error: unknown) => void,
): Way[] {
  const answered = (password: string | null): Way => ({
    type: 'keyboard-interactive',
    username,
    isSecond: signIn.method === 'key' || signIn.method === 'agent',
    prompt: questionAnswerer(password, story, ask, failed),
  });
  switch (signIn.method) {
    case 'key': {
      const { privateKey: key, passphrase } = signIn;
      const way: Way = { type: 'publickey', username, key, ...(passphrase === null ? {} : { passphrase }) };
      return [way, answered(null)];
    }
    case 'agent':
      return [{ type: 'agent', username, agent: signIn.socket }, answered(null)];
    case 'password':
      return [{ type: 'password', username, password: signIn.password }, answered(signIn.password)];
    case 'questions':
      return [answered(null)];
  }
}

/** What a question for a one-time code speaks of; a password is not the answer to it. */
const OF_A_CODE = /one.?time|\b(?:code|otp|totp|token|passcode|pin)\b|verification/i;

/**
 * The same password in another dress: it answers the first hidden question, once, unless the host has taken it already or
 * asks for a code. Everything else is for a person.
 */
function questionAnswerer(
  password: string | null,
  story: SignInStory,
  ask: AskPerson,
  failed: (error: unknown) => void,
): KeyboardInteractiveAuthMethod['prompt'] {
  let unused = password;
  return (title, instructions, _language, prompts, finish) => {
    const questions = prompts.slice(0, MOST_QUESTIONS).map(({ prompt, echo }) => ({
      text: oneLine(prompt),
      visible: echo === true,
    }));
    const [first] = questions;
    const isForPassword =
      questions.length === 1 && first !== undefined && !first.visible && !OF_A_CODE.test(first.text);
    if (unused !== null && !story.partial && isForPassword) {
      const answer = unused;
      unused = null;
      finish([answer]);
      return;
    }
    story.asking = true;
    ask({ title: oneLine(title), instructions: plainText(instructions), questions }).then(
      (answers) => {
        story.asking = false;
        story.answered = true;
        finish([...answers]);
      },
      (error: unknown) => {
        story.asking = false;
        failed(error);
      },
    );
  };
}

/** More than any host asks at once, and longer than any of its texts. */
const MOST_QUESTIONS = 10;
const LONGEST_TEXT = 500;

/** What a host says is shown as text and never more than that. */
function plainText(text: string): string {
  return text.split('\n').map(plainLine).join('\n').trim().slice(0, LONGEST_TEXT);
}

function oneLine(text: string): string {
  return plainText(text).replaceAll('\n', ' ');
}

/** The library, from the first time on that it is needed. */
export async function loadSsh(): Promise<typeof import('ssh2')> {
  const module = await import('ssh2');
  // It is CommonJS: some loaders find its names only on `default`, or not all of them elsewhere.
  return 'Client' in module && 'utils' in module ? module : (module as { default: typeof import('ssh2') }).default;
}
