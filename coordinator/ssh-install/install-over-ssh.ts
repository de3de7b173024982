import type { SshHostKey, SshStepName } from '../../protocol/api/ssh-installs.ts';
import type { Clock } from '../../protocol/clock.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { addressText } from './explain-connection.ts';
import { describeHostKey } from './host-keys.ts';
import { openLocalShell } from './local-shell.ts';
import {
  detectCommand,
  hashCommand,
  installCommand,
  MARK,
  NO_SCRIPT,
  type Rights,
  receiveCommand,
  SUDO_CHECK,
  saidToUs,
  unpackCommand,
} from './remote-commands.ts';
import { makeRemoteFolder, megabytes, type RemoteFolder } from './remote-folder.ts';
import { explainSudo, lastWords, plainLine, type RemoteHost, readHost, rightsFor, saysFull } from './remote-host.ts';
import type { HostQuestions } from './sign-in.ts';
import { connectSsh, type Ran, type SshConnection, type Target } from './ssh-connection.ts';

/** What is to be installed, and as whom. */
export interface InstallRequest {
  readonly user: string;
  readonly mode: 'system' | 'user';
  /** Name of the service. */
  readonly name: string;
  readonly start: boolean;
  readonly sudoPassword: string | null;
}

export interface SshInstallRequest extends InstallRequest, Target {}

/** The package for one platform. */
export interface PackageSource {
  readonly size: number;
  /** Hexadecimal, of the whole package. */
  readonly sha256: string;
  /** Bytes of everything in it, unpacked. */
  readonly unpackedSize: number;
  /** The one folder at its top. */
  readonly folder: string;
  open(): AsyncIterable<Uint8Array>;
}

/** What the engine needs from those who use it. */
export interface SshInstallPorts {
  readonly clock: Clock;
  /** The key that is known for this host, if one is. */
  knownHostKey(): Promise<SshHostKey | null>;
  /** The key that the host presented. */
  presented(key: SshHostKey): void;
  /** Asks a person about a key that nobody knows. Resolves when it was confirmed, and kept; else rejects. */
  confirmHostKey(key: SshHostKey): Promise<void>;
  /** Asks a person what the host wants to know who signs in. `over`: the host waits no longer. */
  ask(questions: HostQuestions, over: AbortSignal): Promise<readonly string[]>;
  /**
   * Gets the package; where that takes a while, `progress` hears how many bytes of how many are here.
   * @throws OutrunnerError `package-missing`, `enrolment-needed`.
   */
  packageFor(platform: PlatformTarget, progress: (done: number, total: number) => void): Promise<PackageSource>;
  /** Resolves, with the words for it, when the Runner has checked in; rejects when that takes too long. */
  checkedIn(signal: AbortSignal): Promise<string>;
  /** A step begins or gets on. What is not given stays as it was. */
  tell(step: SshStepName, event: StepEvent): void;
  /** A line that the installation printed on the host. */
  printed(line: string): void;
}

export interface StepEvent {
  readonly state: 'running' | 'done' | 'failed' | 'left';
  readonly detail?: string;
  readonly progress?: { readonly done: number; readonly total: number };
}

/** Room for what the script writes beside the package. */
const SPARE_BYTES = 8 << 20;
const PROGRESS_EVERY_MS = 250;

/**
 * Puts a Runner on a host and resolves when it has checked in, or is installed when it was not to be started. The folder
 * that it needs there is removed in every case. May be repeated as often as one likes.
 * @throws OutrunnerError that names what is in the way and what to do; the reason of `signal` when that ended it.
 */
export async function installOverSsh(
  request: SshInstallRequest,
  ports: SshInstallPorts,
  signal: AbortSignal,
): Promise<void> {
  const run = new InstallRun(request, ports, signal);
  await run.whole(() => run.connect(request));
}

/** The same on this computer, by a shell of it: no host key, nobody to sign in as. @throws as {@link installOverSsh}. */
export async function installHere(request: InstallRequest, ports: SshInstallPorts, signal: AbortSignal): Promise<void> {
  const run = new InstallRun(request, ports, signal);
  await run.whole(async () => openLocalShell());
}

class InstallRun {
  readonly #request: InstallRequest;
  readonly #ports: SshInstallPorts;
  readonly #signal: AbortSignal;
  #at: SshStepName = 'connect';

  constructor(request: InstallRequest, ports: SshInstallPorts, signal: AbortSignal) {
    this.#request = request;
    this.#ports = ports;
    this.#signal = signal;
  }

  async whole(connect: () => Promise<SshConnection>): Promise<void> {
    let connection: SshConnection | null = null;
    let folder: RemoteFolder | null = null;
    try {
      connection = await connect();
      const { host, rights } = await this.#detect(connection);
      const source = await this.#getPackage(host);
      folder = await this.#makeFolder(connection, source);
      await this.#upload(connection, folder, source);
      await this.#verify(connection, folder, source);
      await this.#install(connection, folder, source, rights);
      await this.#start();
    } catch (error) {
      const failure: unknown = this.#signal.aborted ? this.#signal.reason : error;
      this.#ports.tell(this.#at, { state: 'failed', detail: wordsOf(failure) });
      throw failure;
    } finally {
      await this.#clean(connection, folder);
    }
  }

  #begin(step: SshStepName, detail: string): void {
    this.#signal.throwIfAborted();
    this.#at = step;
    this.#ports.tell(step, { state: 'running', detail });
  }

  #done(detail: string): void {
    this.#ports.tell(this.#at, { state: 'done', detail });
  }

  /** Waits for what the host does, but not longer than anybody wants it. */
  #unlessAborted<T>(work: Promise<T>): Promise<T> {
    const signal = this.#signal;
    if (signal.aborted) {
      // Nobody waits for it any more, and it ends with the connection.
      work.catch(() => undefined);
      return Promise.reject(signal.reason);
    }
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    return Promise.race([work, aborted.promise]).finally(() => signal.removeEventListener('abort', abort));
  }

  /**
   * A key that nobody knows ends the first connection before anything secret was said: a person may take longer to compare
   * it than a server waits. The second connection takes that key and no other.
   */
  async connect(target: Target): Promise<SshConnection> {
    const where = addressText(target);
    this.#begin('connect', `Connecting to ${where}…`);
    let expected = await this.#ports.knownHostKey();
    for (;;) {
      const { presented, connection } = await this.#tryKey(target, expected);
      if (connection !== null) {
        this.#ports.tell('connect', { state: 'done', detail: `Signed in to ${where} as ${target.user}.` });
        this.#at = 'host-key';
        this.#done(`${presented.type} ${presented.fingerprint}`);
        return connection;
      }
      this.#ports.tell('connect', { state: 'done', detail: `${where} answers.` });
      this.#at = 'host-key';
      if (expected !== null) throw changedKey(where, expected, presented);
      this.#begin('host-key', `${presented.type}, to be confirmed`);
      await this.#unlessAborted(this.#ports.confirmHostKey(presented));
      this.#done(`${presented.type} ${presented.fingerprint}`);
      expected = presented;
      this.#begin('connect', `Signing in to ${where}…`);
    }
  }

  async #tryKey(
    target: Target,
    expected: SshHostKey | null,
  ): Promise<{ presented: SshHostKey; connection: SshConnection | null }> {
    let presented: SshHostKey | null = null;
    const { clock, ask } = this.#ports;
    const checkKey = (key: Buffer) => {
      presented = describeHostKey(key);
      return presented.fingerprint === expected?.fingerprint;
    };
    const connection = await connectSsh(target, { clock, checkKey, ask }, expected?.type ?? null, this.#signal);
    if (presented === null) throw new OutrunnerError('ssh-handshake-failed');
    this.#ports.presented(presented);
    return { presented, connection };
  }

  async #detect(connection: SshConnection): Promise<{ host: RemoteHost; rights: Rights }> {
    const { mode, user, sudoPassword } = this.#request;
    this.#begin('detect', 'Looking at the host…');
    const ran = await this.#unlessAborted(connection.run(detectCommand(mode === 'system')));
    const host = readHost(ran.stdout, ran.stderr);
    const rights = rightsFor(host, mode, user, sudoPassword);
    if (rights === 'sudo-password') {
      const tried = await this.#unlessAborted(connection.run(SUDO_CHECK, { input: `${sudoPassword}\n` }));
      if (tried.code !== 0) throw explainSudo(user, tried.stdout);
    }
    this.#done(`${host.words}${rights === 'own' ? '' : ', with sudo'}.`);
    return { host, rights };
  }

  async #getPackage({ platform, words }: RemoteHost): Promise<PackageSource> {
    const detail = `${words}. Getting its package…`;
    this.#begin('detect', detail);
    const progress = (done: number, total: number) =>
      this.#ports.tell('detect', { state: 'running', progress: { done, total } });
    const source = await this.#unlessAborted(this.#ports.packageFor(platform, progress));
    this.#done(`${words}.`);
    return source;
  }

  async #makeFolder(connection: SshConnection, source: PackageSource): Promise<RemoteFolder> {
    const need = source.size + source.unpackedSize + SPARE_BYTES;
    this.#begin('upload', `Making a private folder on the host, with room for ${megabytes(need)}…`);
    return this.#unlessAborted(makeRemoteFolder(connection, this.#ports.clock, need));
  }

  async #upload(connection: SshConnection, folder: RemoteFolder, source: PackageSource): Promise<void> {
    const { size: total } = source;
    const { clock } = this.#ports;
    this.#ports.tell('upload', { state: 'running', detail: `To ${folder.path}`, progress: { done: 0, total } });
    const tell = (done: number) => this.#ports.tell('upload', { state: 'running', progress: { done, total } });
    const signal = this.#signal;
    async function* metered() {
      let done = 0;
      let told = clock.monotonic();
      for await (const chunk of source.open()) {
        signal.throwIfAborted();
        yield chunk;
        done += chunk.length;
        if (clock.monotonic() - told < PROGRESS_EVERY_MS) continue;
        told = clock.monotonic();
        tell(done);
      }
    }
    const ran = await this.#unlessAborted(connection.run(receiveCommand(folder.path), { input: metered() }));
    if (ran.code !== 0) throw notWritten(ran, source.size + source.unpackedSize);
    this.#ports.tell('upload', { state: 'done', progress: { done: total, total } });
  }

  async #verify(connection: SshConnection, folder: RemoteFolder, source: PackageSource): Promise<void> {
    this.#begin('verify', 'Comparing SHA-256…');
    const ran = await this.#unlessAborted(connection.run(hashCommand(folder.path)));
    const found = saidToUs(ran.stdout).get('sha256') ?? '';
    if (found !== source.sha256) {
      const detail =
        found === ''
          ? `The host computed no SHA-256: ${lastWords(ran.stderr, 1) || 'it has no program for that'}.`
          : `The package has SHA-256 ${source.sha256.slice(0, 16)}…, what arrived has ${found.slice(0, 16)}….`;
      throw new OutrunnerError('ssh-upload-damaged', { detail });
    }
    const unpacked = await this.#unlessAborted(connection.run(unpackCommand(folder.path)));
    if (unpacked.code !== 0) throw notWritten(unpacked, source.size + source.unpackedSize);
    this.#done(`SHA-256 ${source.sha256.slice(0, 16)}…, unpacked.`);
  }

  async #install(
    connection: SshConnection,
    folder: RemoteFolder,
    source: PackageSource,
    rights: Rights,
  ): Promise<void> {
    const { mode, name, start, sudoPassword } = this.#request;
    this.#begin('install', 'install.sh runs…');
    const options = [...(mode === 'user' ? ['--user'] : []), '--name', name, ...(start ? [] : ['--no-start'])];
    const command = installCommand(folder.path, source.folder, rights, options);
    const lines: string[] = [];
    const ran = await this.#unlessAborted(
      connection.run(command, {
        ...(rights === 'sudo-password' ? { input: `${sudoPassword}\n` } : {}),
        onLine: (line) => {
          const text = plainLine(line);
          if (text === '' || text.startsWith(MARK)) return;
          lines.push(text);
          this.#ports.printed(text);
          this.#ports.tell('install', { state: 'running', detail: text });
        },
      }),
    );
    const exit = saidToUs(ran.stdout).get('exit');
    if (exit === '0') {
      this.#done('Installed.');
      return;
    }
    const noScript = ran.code === NO_SCRIPT;
    const said = lastWords([...lines, noScript ? 'the package has no install.sh' : ran.stderr].join('\n'));
    const detail = `install.sh ended with code ${exit ?? ran.code}: ${said || 'it said nothing'}`;
    const isFull = saysFull([...lines, ran.stderr].join('\n'));
    throw new OutrunnerError(isFull ? 'ssh-no-space' : 'ssh-install-failed', { detail });
  }

  async #start(): Promise<void> {
    if (!this.#request.start) {
      this.#ports.tell('start', { state: 'left', detail: 'It was not to be started.' });
      return;
    }
    this.#begin('start', 'Waiting for the first check-in…');
    this.#done(await this.#unlessAborted(this.#ports.checkedIn(this.#signal)));
  }

  async #clean(connection: SshConnection | null, folder: RemoteFolder | null): Promise<void> {
    if (connection !== null && folder !== null) {
      this.#ports.tell('clean', { state: 'running', detail: `Removing ${folder.path}…` });
      const removed = !connection.lost && (await folder.remove());
      const detail = removed
        ? `${folder.path} is removed.`
        : `The host removes ${folder.path} by itself, at the latest a minute after it noticed that the connection is gone.`;
      this.#ports.tell('clean', { state: removed ? 'done' : 'left', detail });
    }
    connection?.close();
  }
}

function changedKey(where: string, known: SshHostKey, presented: SshHostKey): OutrunnerError {
  const detail =
    `${where} has the key ${presented.type} ${presented.fingerprint}. ` +
    `Known and confirmed is ${known.type} ${known.fingerprint}. Nothing was sent to it.`;
  return new OutrunnerError('ssh-host-key-changed', { detail });
}

function notWritten(ran: Ran, needBytes: number): OutrunnerError {
  const said = `${ran.stdout}\n${ran.stderr}`;
  if (saysFull(said)) {
    const detail = `The disk of the host filled up meanwhile; the installation needs ${megabytes(needBytes)} for a while (${lastWords(said, 1)}).`;
    return new OutrunnerError('ssh-no-space', { detail });
  }
  const detail = `The package could not be written on the host: ${lastWords(said, 2) || `exit code ${ran.code}`}.`;
  return new OutrunnerError('ssh-install-failed', { detail });
}

function wordsOf(error: unknown): string {
  if (!(error instanceof OutrunnerError)) return 'Something broke on our side.';
  // Two fingerprints are shown where they can be compared.
  return error.code === 'ssh-host-key-changed' ? 'It is not the one that is known.' : error.message;
}
