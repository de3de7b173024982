import { win32 } from 'node:path';
import { OutrunnerError } from '../../protocol/problems.ts';

/** What an installation needs of Windows itself; everything else of it runs anywhere. */
export interface WindowsSystem {
  /** For a person: `Windows x64, 10.0.26100`. */
  readonly words: string;
  /** Full path of Windows PowerShell. */
  readonly powershell: string;
  /** For temporary files; what is made in it can be read by this user, administrators and the system alone. */
  readonly temporary: string;
  /** What the script gets of our environment. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Of our environment, and why: what .NET and PowerShell do not start without (`SystemRoot` and its like), where the agent puts
 * itself (`LOCALAPPDATA`, `USERPROFILE`), for whom its task is (`USERNAME`, `USERDOMAIN`), where programs and their modules are
 * (`PATH`, `ProgramFiles`, …). What the console or the coordinator was told is none of a Runner's business. Not
 * `PSModulePath`: who started us from PowerShell 7 has its modules there, which Windows PowerShell cannot load; without it
 * Windows PowerShell takes its own.
 */
const PASSED_ON = [
  ...['SystemRoot', 'windir', 'SystemDrive', 'ComSpec', 'PATH', 'PATHEXT'],
  ...['ProgramFiles', 'ProgramData'],
  ...['USERPROFILE', 'HOMEDRIVE', 'HOMEPATH', 'LOCALAPPDATA', 'APPDATA', 'USERNAME', 'USERDOMAIN'],
];
/** From Windows 11 on, what is built for x64 runs on ARM, too. */
const WINDOWS_11_BUILD = 22_000;

/**
 * This Windows. PowerShell is found by where Windows lies: what comes first on a `PATH` may be anything. The temporary folder
 * is that of the profile, which keeps other users out and lets what is made in it inherit that; `TEMP` may lead to a folder
 * that all of them read. `release`: as `os.release()` gives it.
 * @throws OutrunnerError `install-here-impossible` when nothing of ours runs here, or a folder is not known.
 */
export function windowsSystem(env: NodeJS.ProcessEnv, architecture: string, release: string): WindowsSystem {
  const isArm = architecture === 'arm64';
  const build = Number(release.split('.')[2] ?? 0);
  if (isArm && build < WINDOWS_11_BUILD) {
    throw impossible(
      `Our executable for Windows is for x64, which Windows on ARM runs from Windows 11 on; this is ${release}.`,
    );
  }
  if (!isArm && architecture !== 'x64')
    throw impossible(`Our executable for Windows is for x64; this is ${architecture}.`);
  const powershell = ['System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe'];
  const temporary = win32.join(folderOf(env, 'LOCALAPPDATA'), 'Temp');
  const passed = PASSED_ON.flatMap((name) => {
    const value = variableOf(env, name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    words: `Windows ${isArm ? 'on ARM, as x64' : 'x64'}, ${release}`,
    powershell: win32.join(folderOf(env, 'SystemRoot'), ...powershell),
    temporary,
    env: { ...Object.fromEntries(passed), TEMP: temporary, TMP: temporary },
  };
}

function folderOf(env: NodeJS.ProcessEnv, name: string): string {
  const folder = variableOf(env, name) ?? '';
  // Without a drive, what Windows calls absolute depends on where the program was started.
  if (/^[A-Za-z]:[\\/]/.test(folder)) return win32.normalize(folder);
  throw impossible(`The environment variable ${name} is "${folder}", which is no folder with a drive.`);
}

/** Windows does not care how a variable is written. */
function variableOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const key = Object.keys(env).find((one) => one.toUpperCase() === name.toUpperCase());
  return key === undefined ? undefined : env[key];
}

function impossible(detail: string): OutrunnerError {
  return new OutrunnerError('install-here-impossible', { detail });
}
