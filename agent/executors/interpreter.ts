import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** How programs that read commands and scripts are called: pure tables, and the search for the program. */

type Family = 'shell' | 'powershell' | 'cmd' | 'code';

interface Dialect {
  readonly family: Family;
  /** Argument before a command given in place. */
  readonly inline: readonly string[];
  /** Suffix of a script file; some programs insist on it. */
  readonly extension: string;
}

const POWERSHELL = ['-NoProfile', '-NonInteractive'];
const DIALECTS: Readonly<Record<string, Dialect>> = {
  powershell: { family: 'powershell', inline: [...POWERSHELL, '-Command'], extension: '.ps1' },
  pwsh: { family: 'powershell', inline: [...POWERSHELL, '-Command'], extension: '.ps1' },
  cmd: { family: 'cmd', inline: ['/d', '/s', '/c'], extension: '.cmd' },
  node: { family: 'code', inline: ['-e'], extension: '.cjs' },
  perl: { family: 'code', inline: ['-e'], extension: '.pl' },
  ruby: { family: 'code', inline: ['-e'], extension: '.rb' },
  php: { family: 'code', inline: ['-r'], extension: '.php' },
  python: { family: 'code', inline: ['-c'], extension: '.py' },
};
const SHELL: Dialect = { family: 'shell', inline: ['-c'], extension: '.sh' };

/** The dialect of a program by its name: `/usr/bin/python3.12` speaks `python`. Unknown ones are called like a shell. */
export function dialectOf(program: string): Dialect {
  const name = (program.split(/[/\\]/).pop() ?? '').toLowerCase().replace(/\.exe$/, '');
  return DIALECTS[name] ?? DIALECTS[name.replace(/[\d.]+$/, '')] ?? SHELL;
}

/** What reads a command or script when none is named. */
export function defaultInterpreter(platform: NodeJS.Platform): string {
  return platform === 'win32' ? 'powershell' : 'sh';
}

export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
  /** Windows: the arguments are a finished command line; Node must not quote them. */
  readonly verbatim: boolean;
}

/** The command line for a command given in place. */
export function inlineCommandLine(program: string, command: string, platform: NodeJS.Platform): CommandLine {
  const dialect = dialectOf(program);
  if (dialect.family === 'cmd') {
    // With /s, cmd strips exactly the outer quotes and reads the rest as it stands.
    return { file: program, args: [...dialect.inline, `"${command}"`], verbatim: platform === 'win32' };
  }
  const text = dialect.family === 'powershell' ? powershellCommand(command, platform) : command;
  return { file: program, args: [...dialect.inline, text], verbatim: false };
}

/** PowerShell forgets the exit code of a native program unless it is told to pass it on. */
function powershellCommand(command: string, platform: NodeJS.Platform): string {
  const passOn = 'if (Test-Path -LiteralPath variable:LASTEXITCODE) { exit $LASTEXITCODE }';
  // Windows PowerShell writes in the console's old code page. Without a console this fails, and nothing is lost by that.
  const utf8 = 'try { [Console]::OutputEncoding = [System.Text.Encoding]::UTF8 } catch { }\n';
  return `${platform === 'win32' ? utf8 : ''}${command}\n${passOn}`;
}

/** The command line for a script in a file. */
export function scriptCommandLine(program: string, path: string, args: readonly string[]): CommandLine {
  switch (dialectOf(program).family) {
    case 'powershell':
      return {
        file: program,
        args: [...POWERSHELL, '-ExecutionPolicy', 'Bypass', '-File', path, ...args],
        verbatim: false,
      };
    case 'cmd':
      return { file: program, args: ['/d', '/c', path, ...args], verbatim: false };
    default:
      return { file: program, args: [path, ...args], verbatim: false };
  }
}

/**
 * The path of a program: absolute as given, or a name looked up in PATH (with PATHEXT on Windows). Null when there is no
 * such program that may be run; a relative path is not looked for, since the working folder is new each time.
 */
export function findProgram(program: string, env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string | null {
  const suffixes = platform === 'win32' ? ['', ...(env.PATHEXT ?? '.COM;.EXE;.BAT;.CMD').split(';')] : [''];
  const runnable = (path: string) => suffixes.map((suffix) => path + suffix).find((candidate) => isProgram(candidate));
  if (isAbsolute(program)) return runnable(program) ?? null;
  if (/[/\\]/.test(program)) return null;
  const name = platform === 'win32' ? Object.keys(env).find((key) => key.toUpperCase() === 'PATH') : 'PATH';
  const folders = ((name === undefined ? undefined : env[name]) ?? '').split(delimiter);
  for (const folder of folders) {
    const path = isAbsolute(folder) ? runnable(join(folder, program)) : undefined;
    if (path !== undefined) return path;
  }
  return null;
}

function isProgram(path: string): boolean {
  try {
    // Most folders of a PATH do not have it, and that is no exception.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not reachable, or not runnable for this user: the same answer to the question.
  }
}
