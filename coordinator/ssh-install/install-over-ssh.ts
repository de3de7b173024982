import type { SshHostKey } from '../../protocol/api/ssh-installs.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import { addressText } from './explain-connection.ts';
import { describeHostKey } from './host-keys.ts';
import type { InstallRequest, PackageSource, SshInstallPorts } from './install-ports.ts';
import { damaged, InstallSteps, SPARE_BYTES, verifiedWords } from './install-steps.ts';
import { openLocalShell } from './local-shell.ts';
import {
  detectCommand,
  hashCommand,
  installCommand,
  NO_SCRIPT,
  type Rights,
  receiveCommand,
  SUDO_CHECK,
  saidToUs,
  unpackCommand,
} from './remote-commands.ts';
import { makeRemoteFolder, megabytes, type RemoteFolder } from './remote-folder.ts';
import { explainSudo, lastWords, type RemoteHost, readHost, rightsFor, saysFull } from './remote-host.ts';
import { connectSsh, type Ran, type SshConnection, type Target } from './ssh-connection.ts';

export interface SshInstallRequest extends InstallRequest, Target {}

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

/** The same on this computer, by a POSIX shell of it: no host key, nobody to sign in as. @throws as {@link installOverSsh}. */
export async function installHere(request: InstallRequest, ports: SshInstallPorts, signal: AbortSignal): Promise<void> {
  const run = new InstallRun(request, ports, signal);
  await run.whole(async () => openLocalShell());
}

class InstallRun {
  readonly #request: InstallRequest;
  readonly #ports: SshInstallPorts;
  readonly #steps: InstallSteps;

  constructor(request: InstallRequest, ports: SshInstallPorts, signal: AbortSignal) {
    this.#request = request;
    this.#ports = ports;
    this.#steps = new InstallSteps(ports, signal, 'connect');
  }

  async whole(connect: () => Promise<SshConnection>): Promise<void> {
    let connection: SshConnection | null = null;
    let folder: RemoteFolder | null = null;
    try {
      connection = await connect();
      const { host, rights } = await this.#detect(connection);
      const source = await this.#steps.getPackage(host);
      folder = await this.#makeFolder(connection, source);
      await this.#upload(connection, folder, source);
      await this.#verify(connection, folder, source);
      await this.#install(connection, folder, source, rights);
      await this.#steps.start(this.#request.start);
    } catch (error) {
      throw this.#steps.failed(error);
    } finally {
      await this.#clean(connection, folder);
    }
  }

  /**
   * A key that nobody knows ends the first connection before anything secret was said: a person may take longer to compare
   * it than a server waits. The second connection takes that key and no other.
   */
  async connect(target: Target): Promise<SshConnection> {
    const where = addressText(target);
    this.#steps.begin('connect', `Connecting to ${where}…`);
    let expected = await this.#ports.knownHostKey();
    for (;;) {
      const { presented, connection } = await this.#tryKey(target, expected);
      if (connection !== null) {
        this.#ports.tell('connect', { state: 'done', detail: `Signed in to ${where} as ${target.user}.` });
        this.#steps.enter('host-key');
        this.#steps.done(`${presented.type} ${presented.fingerprint}`);
        return connection;
      }
      this.#ports.tell('connect', { state: 'done', detail: `${where} answers.` });
      this.#steps.enter('host-key');
      if (expected !== null) throw changedKey(where, expected, presented);
      this.#steps.begin('host-key', `${presented.type}, to be confirmed`);
      await this.#steps.unlessAborted(this.#ports.confirmHostKey(presented));
      this.#steps.done(`${presented.type} ${presented.fingerprint}`);
      expected = presented;
      this.#steps.begin('connect', `Signing in to ${where}…`);
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
    const connection = await connectSsh(target, { clock, checkKey, ask }, expected?.type ?? null, this.#steps.signal);
    if (presented === null) throw new OutrunnerError('ssh-handshake-failed');
    this.#ports.presented(presented);
    return { presented, connection };
  }

  async #detect(connection: SshConnection): Promise<{ host: RemoteHost; rights: Rights }> {
    const { mode, user, sudoPassword } = this.#request;
    this.#steps.begin('detect', 'Looking at the host…');
    const ran = await this.#steps.unlessAborted(connection.run(detectCommand(mode === 'system')));
    const host = readHost(ran.stdout, ran.stderr);
    const rights = rightsFor(host, mode, user, sudoPassword);
    if (rights === 'sudo-password') {
      const tried = await this.#steps.unlessAborted(connection.run(SUDO_CHECK, { input: `${sudoPassword}\n` }));
      if (tried.code !== 0) throw explainSudo(user, tried.stdout);
    }
    this.#steps.done(`${host.words}${rights === 'own' ? '' : ', with sudo'}.`);
    return { host, rights };
  }

  async #makeFolder(connection: SshConnection, source: PackageSource): Promise<RemoteFolder> {
    const need = source.size + source.unpackedSize + SPARE_BYTES;
    this.#steps.begin('upload', `Making a private folder on the host, with room for ${megabytes(need)}…`);
    return this.#steps.unlessAborted(makeRemoteFolder(connection, this.#ports.clock, need));
  }

  async #upload(connection: SshConnection, folder: RemoteFolder, source: PackageSource): Promise<void> {
    const input = this.#steps.upload(source, folder.path);
    const ran = await this.#steps.unlessAborted(connection.run(receiveCommand(folder.path), { input }));
    if (ran.code !== 0) throw notWritten(ran, source.size + source.unpackedSize);
    this.#steps.uploaded(source);
  }

  async #verify(connection: SshConnection, folder: RemoteFolder, source: PackageSource): Promise<void> {
    this.#steps.begin('verify', 'Comparing SHA-256…');
    const ran = await this.#steps.unlessAborted(connection.run(hashCommand(folder.path)));
    const found = saidToUs(ran.stdout).get('sha256') ?? '';
    if (found === '') {
      const detail = `The host computed no SHA-256: ${lastWords(ran.stderr, 1) || 'it has no program for that'}.`;
      throw new OutrunnerError('ssh-upload-damaged', { detail });
    }
    if (found !== source.sha256) throw damaged(source, found);
    const unpacked = await this.#steps.unlessAborted(connection.run(unpackCommand(folder.path)));
    if (unpacked.code !== 0) throw notWritten(unpacked, source.size + source.unpackedSize);
    this.#steps.done(verifiedWords(source));
  }

  async #install(
    connection: SshConnection,
    folder: RemoteFolder,
    source: PackageSource,
    rights: Rights,
  ): Promise<void> {
    const { mode, name, start, sudoPassword } = this.#request;
    this.#steps.begin('install', 'install.sh runs…');
    const options = [...(mode === 'user' ? ['--user'] : []), '--name', name, ...(start ? [] : ['--no-start'])];
    const command = installCommand(folder.path, source.folder, rights, options);
    const lines: string[] = [];
    const ran = await this.#steps.unlessAborted(
      connection.run(command, {
        ...(rights === 'sudo-password' ? { input: `${sudoPassword}\n` } : {}),
        onLine: this.#steps.hearScript(lines),
      }),
    );
    const noScript = ran.code === NO_SCRIPT;
    const said = [...lines, noScript ? 'the package has no install.sh' : ran.stderr].join('\n');
    this.#steps.scriptEnded('install.sh', ran, said);
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
