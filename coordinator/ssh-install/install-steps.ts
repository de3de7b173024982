import type { SshStepName } from '../../protocol/api/ssh-installs.ts';
import type { PlatformTarget } from '../../protocol/enrolment.ts';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { PackageSource, SshInstallPorts } from './install-ports.ts';
import { MARK, saidToUs } from './remote-commands.ts';
import { lastWords, plainLine, saysFull } from './remote-host.ts';
import type { Ran } from './ssh-connection.ts';

/** Room for what the script writes beside the package. */
export const SPARE_BYTES = 8 << 20;
const PROGRESS_EVERY_MS = 250;

/** The steps of one installation as they are told, and what is the same in them wherever it is made. */
export class InstallSteps {
  readonly ports: SshInstallPorts;
  readonly signal: AbortSignal;
  #at: SshStepName;

  constructor(ports: SshInstallPorts, signal: AbortSignal, first: SshStepName) {
    this.ports = ports;
    this.signal = signal;
    this.#at = first;
  }

  /** @throws the reason of the signal. */
  begin(step: SshStepName, detail: string): void {
    this.signal.throwIfAborted();
    this.enter(step);
    this.ports.tell(step, { state: 'running', detail });
  }

  /** What fails from now on fails in this step. */
  enter(step: SshStepName): void {
    this.#at = step;
  }

  done(detail: string): void {
    this.ports.tell(this.#at, { state: 'done', detail });
  }

  /** Tells that the present step failed, and returns what it failed by: a person who ended it, before anything else. */
  failed(error: unknown): unknown {
    const failure: unknown = this.signal.aborted ? this.signal.reason : error;
    this.ports.tell(this.#at, { state: 'failed', detail: wordsOf(failure) });
    return failure;
  }

  /** Waits for what the host does, but not longer than anybody wants it. */
  unlessAborted<T>(work: Promise<T>): Promise<T> {
    const signal = this.signal;
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

  /** The package for what was found. @throws OutrunnerError `package-missing`, `enrolment-needed`. */
  async getPackage({ platform, words }: { platform: PlatformTarget; words: string }): Promise<PackageSource> {
    this.begin('detect', `${words}. Getting its package…`);
    const progress = (done: number, total: number) =>
      this.ports.tell('detect', { state: 'running', progress: { done, total } });
    const source = await this.unlessAborted(this.ports.packageFor(platform, progress));
    this.done(`${words}.`);
    return source;
  }

  /** The bytes of the package on their way to `where`, with how far they are. */
  async *upload(source: PackageSource, where: string): AsyncGenerator<Uint8Array> {
    const { ports, signal } = this;
    const { size: total } = source;
    ports.tell('upload', { state: 'running', detail: `To ${where}`, progress: { done: 0, total } });
    let done = 0;
    let told = ports.clock.monotonic();
    for await (const chunk of source.open()) {
      signal.throwIfAborted();
      yield chunk;
      done += chunk.length;
      if (ports.clock.monotonic() - told < PROGRESS_EVERY_MS) continue;
      told = ports.clock.monotonic();
      ports.tell('upload', { state: 'running', progress: { done, total } });
    }
  }

  uploaded({ size: total }: PackageSource): void {
    this.ports.tell('upload', { state: 'done', progress: { done: total, total } });
  }

  /** For each line of the install script: shows it, unless it is meant for us. What was shown gathers in `lines`. */
  hearScript(lines: string[]): (line: string) => void {
    return (line) => {
      const text = plainLine(line);
      if (text === '' || text.startsWith(MARK)) return;
      lines.push(text);
      this.ports.printed(text);
      // A script that comes to its end after the installation was ended: the step has failed already.
      if (!this.signal.aborted) this.ports.tell('install', { state: 'running', detail: text });
    };
  }

  /**
   * How the script ended, by what was said to us around it; `said`: all that it printed. That it ended well counts only when
   * it was said: a shell that never came to it may end with 0, too.
   * @throws OutrunnerError `ssh-no-space`, `ssh-install-failed`.
   */
  scriptEnded(script: string, { code, stdout }: Ran, said: string): void {
    const exit = saidToUs(stdout).get('exit');
    if (exit === '0') {
      this.done('Installed.');
      return;
    }
    const detail = `${script} ended with code ${exit ?? code}: ${lastWords(said) || 'it said nothing'}`;
    throw new OutrunnerError(saysFull(said) ? 'ssh-no-space' : 'ssh-install-failed', { detail });
  }

  /** Waits for the first check-in, unless it was not to be started. @throws OutrunnerError `ssh-not-checked-in`. */
  async start(isWanted: boolean): Promise<void> {
    if (!isWanted) {
      this.ports.tell('start', { state: 'left', detail: 'It was not to be started.' });
      return;
    }
    this.begin('start', 'Waiting for the first check-in…');
    this.done(await this.unlessAborted(this.ports.checkedIn(this.signal)));
  }
}

/** What was written is not what was sent; `found`: the SHA-256 of what is there. */
export function damaged(source: PackageSource, found: string): OutrunnerError {
  const detail = `The package has SHA-256 ${source.sha256.slice(0, 16)}…, what arrived has ${found.slice(0, 16)}….`;
  return new OutrunnerError('ssh-upload-damaged', { detail });
}

/** For the step that has compared and unpacked it. */
export function verifiedWords({ sha256 }: PackageSource): string {
  return `SHA-256 ${sha256.slice(0, 16)}…, unpacked.`;
}

function wordsOf(error: unknown): string {
  if (!(error instanceof OutrunnerError)) return 'Something broke on our side.';
  // Two fingerprints are shown where they can be compared.
  return error.code === 'ssh-host-key-changed' ? 'It is not the one that is known.' : error.message;
}
