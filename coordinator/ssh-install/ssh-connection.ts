import { once } from 'node:events';
import type { Client, ClientChannel } from 'ssh2';
import type { Clock } from '../../protocol/clock.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { type Address, addressText, explainConnection } from './explain-connection.ts';
import { type HostKeyAlgorithm, hostKeyAlgorithms } from './host-keys.ts';
import {
  type AskPerson,
  type HostQuestions,
  loadSsh,
  type SignIn,
  type SignInStory,
  signInHandler,
} from './sign-in.ts';

/** From the first packet to being signed in; not counted while a person is asked something. */
const READY_WITHIN_MS = 20_000;
/** A peer that says nothing for four of these is gone. */
const SIGN_OF_LIFE_MS = 5000;
const SIGNS_MISSED = 4;
/** What is kept of what a command prints, at its end. */
const KEPT_CHARACTERS = 64 << 10;

export interface Target extends Address {
  readonly user: string;
  readonly signIn: SignIn;
}

export interface RunOptions {
  /** Given to standard input, which is then closed; absent: it is closed at once. */
  readonly input?: AsyncIterable<Uint8Array> | string;
  /** Called with each line of standard output as it comes. */
  onLine?(line: string): void;
}

export interface Ran {
  /** null: it was ended by a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program there that is spoken with. */
export interface Conversation {
  /** Sends a line. */
  say(line: string): void;
  /** Resolves when it has ended; rejects when the connection was cut. */
  readonly over: Promise<Ran>;
}

/** Signed in on a host. */
export interface SshConnection {
  /** Runs one command to its end. @throws OutrunnerError `ssh-connection-lost`, `ssh-session-refused`. */
  run(command: string, options?: RunOptions): Promise<Ran>;
  /** Starts one that reads lines. */
  converse(command: string, onLine: (line: string) => void): Promise<Conversation>;
  readonly lost: boolean;
  /** Ends the connection, as far as it still stands. */
  close(): void;
}

/** What is asked while a connection is made. */
export interface SignInQuestions {
  readonly clock: Clock;
  /** Says whether this is the key of the host that is meant. Called before anything secret is sent. */
  checkKey(key: Buffer): boolean;
  /** Asks a person what the host wants to know. `over` ends it: the host does not wait any longer. */
  ask(questions: HostQuestions, over: AbortSignal): Promise<readonly string[]>;
}

/**
 * Connects and signs in. Resolves with null when `checkKey` did not want the key.
 * @throws OutrunnerError that says what is in the way; the reason of `signal` when that ends it.
 */
export async function connectSsh(
  target: Target,
  questions: SignInQuestions,
  knownType: string | null,
  signal: AbortSignal,
): Promise<SshConnection | null> {
  const { Client } = await loadSsh();
  signal.throwIfAborted();
  const client = new Client();
  const story: SignInStory = { accepted: [], partial: false, tried: false, asking: false, answered: false };
  const over = new AbortController();
  let refusedKey = false;
  const { promise, resolve, reject } = Promise.withResolvers<SshConnection | null>();
  const abort = () => {
    reject(signal.reason);
    client.destroy();
  };
  signal.addEventListener('abort', abort, { once: true });
  const fail = (error: Error & { level?: string }) => {
    // Only the first counts; what follows it is its echo.
    if (refusedKey) resolve(null);
    else reject(explainConnection(error, target, target.user, target.signIn, story));
  };
  const tooLate = () => fail(Object.assign(new Error('Timed out'), { level: 'client-timeout' }));
  let timer = questions.clock.after(READY_WITHIN_MS, tooLate);
  const ask: AskPerson = async (asked) => {
    timer.cancel();
    const answers = await questions.ask(asked, over.signal);
    timer = questions.clock.after(READY_WITHIN_MS, tooLate);
    return answers;
  };
  client.on('error', fail);
  client.once('close', () => fail(new Error('the host closed the connection')));
  client.once('ready', () => resolve(new Connection(client, addressText(target))));
  const serverHostKey: HostKeyAlgorithm[] = hostKeyAlgorithms(knownType);
  try {
    client.connect({
      host: target.host,
      port: target.port,
      username: target.user,
      // Its own limit would run while a person looks for a code.
      readyTimeout: 0,
      keepaliveInterval: SIGN_OF_LIFE_MS,
      keepaliveCountMax: SIGNS_MISSED,
      algorithms: { serverHostKey },
      hostVerifier: (key: Buffer) => {
        refusedKey = !questions.checkKey(key);
        return !refusedKey;
      },
      authHandler: signInHandler(target.user, target.signIn, story, ask, reject),
    });
    // Many small questions, each waiting for its answer: bytes must not wait for more bytes (it halves the time of a run).
    client.setNoDelay(true);
    return await promise;
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    timer.cancel();
    over.abort();
    signal.removeEventListener('abort', abort);
  }
}

class Connection implements SshConnection {
  readonly #client: Client;
  readonly #where: string;
  readonly #gone = Promise.withResolvers<never>();
  #lost = false;

  constructor(client: Client, where: string) {
    this.#client = client;
    this.#where = where;
    // Whoever waits for a command is told; when nobody waits, nobody misses it.
    this.#gone.promise.catch(() => undefined);
    client.on('error', (error) => this.#lose(error));
    client.on('close', () => this.#lose(undefined));
  }

  get lost(): boolean {
    return this.#lost;
  }

  async run(command: string, options: RunOptions = {}): Promise<Ran> {
    const { channel, over } = await this.#start(command, options.onLine);
    // It may end while it is still fed, or the connection may; then what it said tells why.
    const fed = feed(channel, options.input).catch((error: unknown) => {
      channel.destroy();
      throw error;
    });
    const [ran] = await Promise.all([over, Promise.race([fed, over.then(() => undefined)])]);
    return ran;
  }

  async converse(command: string, onLine: (line: string) => void): Promise<Conversation> {
    const { channel, over } = await this.#start(command, onLine);
    return {
      over,
      say: (line) => {
        if (channel.writable) channel.write(`${line}\n`);
      },
    };
  }

  close(): void {
    this.#lost = true;
    this.#client.end();
    this.#client.destroy();
  }

  /** Listens from within the answer: all that a short command says may come in the same packet, and be over after it. */
  #start(command: string, onLine?: (line: string) => void): Promise<{ channel: ClientChannel; over: Promise<Ran> }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ channel: ClientChannel; over: Promise<Ran> }>();
    if (this.#lost) reject(this.#lostError());
    else {
      this.#client.exec(command, (error, channel) => {
        if (error === undefined) {
          const over = this.#over(channel, onLine);
          // Who asks for it hears of it; nobody else has to.
          over.catch(() => undefined);
          resolve({ channel, over });
        } else if (this.#lost) {
          reject(this.#lostError());
        } else {
          const detail = `${this.#where} did not let us run a command (${error.message}).`;
          reject(new OutrunnerError('ssh-session-refused', { detail, cause: error }));
        }
      });
    }
    return Promise.race([promise, this.#gone.promise]);
  }

  async #over(channel: ClientChannel, onLine: ((line: string) => void) | undefined): Promise<Ran> {
    let stdout = '';
    let stderr = '';
    let line = '';
    let code: number | null | undefined;
    channel.setEncoding('utf8');
    channel.stderr.setEncoding('utf8');
    channel.on('data', (text: string) => {
      stdout = (stdout + text).slice(-KEPT_CHARACTERS);
      if (onLine === undefined) return;
      const lines = (line + text).split('\n');
      // A line that never ends is told in pieces.
      line = (lines.pop() ?? '').slice(-KEPT_CHARACTERS);
      for (const one of lines) onLine(one);
    });
    channel.stderr.on('data', (text: string) => {
      stderr = (stderr + text).slice(-KEPT_CHARACTERS);
    });
    channel.on('error', () => undefined); // `close` follows, and says it.
    channel.on('exit', (exit: number | null) => {
      code = exit;
    });
    await Promise.race([once(channel, 'close'), this.#gone.promise]);
    if (line !== '') onLine?.(line);
    // Without an exit it did not end, it was cut off.
    if (code === undefined) throw this.#lostError();
    return { code, stdout, stderr };
  }

  #lose(cause: Error | undefined): void {
    this.#lost = true;
    this.#gone.reject(this.#lostError(cause));
  }

  #lostError(cause?: Error): OutrunnerError {
    const why = cause?.message.includes('Keepalive') ? 'it said nothing for 20 seconds' : cause?.message;
    const detail = `The connection to ${this.#where} was cut${why === undefined ? '' : ` (${why})`}.`;
    return new OutrunnerError('ssh-connection-lost', { detail, cause });
  }
}

async function feed(channel: ClientChannel, input: RunOptions['input']): Promise<void> {
  if (input === undefined || typeof input === 'string') {
    channel.end(input);
    return;
  }
  const closed = once(channel, 'close');
  for await (const chunk of input) {
    if (!channel.writable) return;
    if (!channel.write(chunk)) await Promise.race([once(channel, 'drain'), closed]);
  }
  channel.end();
}
