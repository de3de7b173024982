import { execFile } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { posix, win32 } from 'node:path';
import { AGENT_EXIT } from '../../protocol/enrolment.ts';
import { AgentExit } from '../agent-exit.ts';

/** Where an administrator's programs lie; the PATH of whoever calls is not asked, since root may have called. */
const POSIX_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const TIMEOUT_MS = 120_000;

export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ToolOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Run as this account. */
  readonly uid?: number;
  readonly gid?: number;
  readonly cwd?: string;
}

/** Programs of the system: looked up in fixed folders, run without a shell and with an environment of our own. */
export class Tools {
  readonly #folders: readonly string[];
  readonly #env: Readonly<Record<string, string>>;

  /** `folders`: where programs are looked for; `env`: what they see beside `PATH` and `LC_ALL`. */
  constructor(folders: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#folders = folders;
    this.#env = {
      PATH: folders.join(process.platform === 'win32' ? win32.delimiter : posix.delimiter),
      LC_ALL: 'C',
      ...env,
    };
  }

  /** The first program of these names; null when there is none. */
  find(...names: readonly string[]): string | null {
    for (const name of names) {
      for (const folder of this.#folders) {
        const path = (process.platform === 'win32' ? win32 : posix).join(folder, name);
        if (isProgram(path)) return path;
      }
    }
    return null;
  }

  /** Runs a program to its end. Rejects only when there is none of this name, or it does not end. */
  async run(name: string, args: readonly string[], options: ToolOptions = {}): Promise<ToolResult> {
    const file = name.includes('/') || name.includes('\\') ? name : this.find(name);
    if (file === null) throw failed(`There is no ${name} in ${this.#folders.join(', ')}.`);
    const { env = {}, ...rest } = options;
    return await new Promise((resolve, reject) => {
      const settings = { cwd: '/', ...rest, env: { ...this.#env, ...env }, timeout: TIMEOUT_MS, windowsHide: true };
      execFile(file, args, settings, (error, stdout, stderr) => {
        if (error === null) return resolve({ code: 0, stdout, stderr });
        if (typeof error.code === 'number') return resolve({ code: error.code, stdout, stderr });
        if (error.killed)
          return reject(failed(`${nameOf(file)} ${args.join(' ')} did not end within ${TIMEOUT_MS / 1000} s.`));
        // A signal, or a program that the system does not start: a shell would say 126.
        const why = error.signal ? '' : `${file} cannot be started (${error.code})`;
        return resolve({ code: error.signal ? 128 : 126, stdout, stderr: why || stderr });
      });
    });
  }

  /** Runs a program that has to succeed; says what it said when it does not. */
  async must(name: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(name, args, options);
    if (code === 0) return stdout;
    const said =
      `${stderr}\n${stdout}`
        .split('\n')
        .find((line) => line.trim() !== '')
        ?.trim() ?? 'it said nothing';
    throw failed(`"${nameOf(name)} ${args.join(' ')}" failed (exit ${code}): ${said}`);
  }
}

/** The tools of this host. `env` is that of the caller: of it, only what leads to the person's own service manager is passed on. */
export function systemTools(env: NodeJS.ProcessEnv): Tools {
  if (process.platform === 'win32') {
    const root = env.SystemRoot ?? 'C:\\Windows';
    const folders = ['System32', 'System32\\WindowsPowerShell\\v1.0'].map((folder) => win32.join(root, folder));
    return new Tools(folders, { SystemRoot: root });
  }
  const passed = ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS', 'HOME'].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return new Tools(POSIX_FOLDERS, Object.fromEntries(passed));
}

/** A step of an installation that did not work. */
export function failed(message: string, todo = ''): AgentExit {
  return new AgentExit(AGENT_EXIT.serviceFailed, message, todo);
}

function nameOf(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // Not there, or not for us.
  }
}
