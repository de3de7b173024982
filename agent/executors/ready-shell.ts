import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Clock, Timer } from '../../protocol/clock.ts';
import type { CommandLine } from './interpreter.ts';

/** After a start, the next shell is made ready this much later: the step that begins shall not compete with its birth. */
const SOON_MS = 6;
/** In a burst none is made before nothing has started for this long. */
const BURST_MS = 8;
const QUIET_MS = 25;
/** Longer texts go the straight way: what is sent to the shell has to be small beside what is saved. */
const LONGEST_SCRIPT = 32 << 10;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export interface Become {
  readonly commandLine: CommandLine;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A process that exists and does nothing yet. */
export interface ReadyProcess {
  readonly child: ChildProcessWithoutNullStreams;
  /** Lets it become what it was taken for. Until then nothing of that has run. */
  begin(): void;
}

/**
 * Keeps one shell ready that waits to be told which program to become. A new process costs milliseconds, since Node copies the
 * page tables of the whole agent for it; one that exists already costs a line of text and an `exec`. The process number, the
 * session and the pipes stay the same, so that for everybody else it is an ordinary step. It ends by itself with the agent.
 *
 * Only for Linux, and only for programs that were started the straight way before: that way tells precisely why a program
 * cannot be started, and this one does not.
 */
export class ReadyShell {
  readonly #env: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #proven = new Set<string>();
  readonly #usable: boolean;
  #waiting: ChildProcessWithoutNullStreams | null = null;
  #takenAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;
  #stopped = false;

  constructor(env: Readonly<Record<string, string>>, clock: Clock, platform: NodeJS.Platform = process.platform) {
    this.#env = env;
    this.#clock = clock;
    // A shell drops variables whose names it cannot read; then a step would not get all of its environment.
    this.#usable = platform === 'linux' && Object.keys(env).every((name) => NAME.test(name));
  }

  /** The process that waits; null when there is none. */
  get waitingPid(): number | null {
    return this.#waiting?.pid ?? null;
  }

  /** A program was started the straight way, and ran. */
  proved(file: string): void {
    this.#proven.add(file);
    if (this.#waiting === null && this.#timer === null) this.#prepareIn(QUIET_MS);
  }

  /** The process that is ready, for this; null when there is none, or when it has to be started the straight way. */
  take(wanted: Become): ReadyProcess | null {
    const now = this.#clock.monotonic();
    const isBurst = now - this.#takenAt < BURST_MS;
    this.#takenAt = now;
    const child = this.#waiting;
    if (child === null) {
      // Steps that follow each other find one again the next time; only a burst has to pass first.
      if (this.#proven.has(wanted.commandLine.file)) this.#prepareIn(isBurst ? QUIET_MS : SOON_MS);
      return null;
    }
    const script = this.#scriptFor(wanted);
    if (script === null) return null;
    this.#waiting = null;
    child.ref();
    return {
      child,
      begin: () => {
        child.stdin.end(script);
        this.#prepareIn(isBurst ? QUIET_MS : SOON_MS);
      },
    };
  }

  /** Ends the shell that waits; none is made any more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    // It reads the end of its input, and ends.
    for (const stream of [this.#waiting?.stdin, this.#waiting?.stdout, this.#waiting?.stderr]) stream?.destroy();
    this.#waiting = null;
  }

  #prepareIn(ms: number): void {
    if (!this.#usable || this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = null;
      this.#prepare();
    });
  }

  #prepare(): void {
    if (this.#waiting !== null || this.#stopped) return;
    const child = spawn('/bin/sh', [], { cwd: '/', env: this.#env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    if (child.pid === undefined) {
      child.on('error', () => undefined); // There is no such shell, or no process to be had: steps start the straight way.
      return;
    }
    const gone = () => {
      if (this.#waiting === child) this.#waiting = null;
    };
    child.on('error', gone);
    child.on('exit', gone);
    // Its reader ended before it read: the end of the process tells.
    child.stdin.on('error', gone);
    child.unref();
    this.#waiting = child;
  }

  /** What the shell reads: set the environment, go to the folder, become the program. */
  #scriptFor({ commandLine, cwd, env }: Become): string | null {
    if (!this.#proven.has(commandLine.file) || commandLine.verbatim) return null;
    // Going to the folder sets these two; a step has them only if its environment says so.
    const lines = ['PWD', 'OLDPWD'].filter((name) => !(name in env)).map((name) => `unset ${name}`);
    for (const name of Object.keys(this.#env)) if (!(name in env)) lines.push(`unset ${name}`);
    for (const [name, value] of Object.entries(env)) {
      if (this.#env[name] === value) continue;
      if (!NAME.test(name)) return null;
      lines.push(`export ${name}=${quoted(value)}`);
    }
    const words = [commandLine.file, ...commandLine.args].map(quoted).join(' ');
    const script = `cd ${quoted(cwd)} || exit 126\n${lines.join('\n')}\nexec ${words} </dev/null\n`;
    return script.length > LONGEST_SCRIPT || script.includes('\0') ? null : script;
  }
}

/** One word for a POSIX shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
