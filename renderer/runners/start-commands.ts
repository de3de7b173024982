import type { PlatformTarget } from '../../protocol/enrolment.ts';
import type { PackageFormat } from '../../protocol/package-options.ts';
import { powershellWord, shWord } from '../../protocol/shell-words.ts';

export interface StartCommand {
  readonly what: string;
  readonly command: string;
}

interface Where {
  readonly platform: PlatformTarget;
  readonly format: PackageFormat;
  /** Name of the downloaded file. */
  readonly fileName: string;
  /** Folder inside of it. */
  readonly folder: string;
}

/** What to type on the host, line by line, from the downloaded file to a running agent. */
export function startCommands({ platform, format, fileName, folder }: Where): StartCommand[] {
  if (format === 'deb') return [{ what: 'Install as a service', command: `sudo apt install ./${shWord(fileName)}` }];
  if (format === 'rpm') return [{ what: 'Install as a service', command: `sudo dnf install ./${shWord(fileName)}` }];
  if (platform === 'win-x64') {
    const run = (script: string) => `powershell -ExecutionPolicy Bypass -File ${folder}\\${script}`;
    return [
      { what: 'Unpack (PowerShell)', command: `Expand-Archive -Path ${powershellWord(fileName)} -DestinationPath .` },
      { what: 'Install as a service (PowerShell as administrator)', command: run('install.ps1') },
      { what: 'Or for you alone', command: `${run('install.ps1')} -User` },
      { what: 'Or start it in the foreground', command: run('start.ps1') },
    ];
  }
  const unpack = format === 'zip' ? `unzip ${shWord(fileName)}` : `tar -xzf ${shWord(fileName)}`;
  return [
    { what: 'Unpack', command: unpack },
    { what: 'Install as a service', command: `sudo ${folder}/install.sh` },
    { what: 'Or for you alone', command: `${folder}/install.sh --user` },
    { what: 'Or start it in the foreground', command: `cd ${folder} && ./start.sh` },
  ];
}
