import type { PlatformTarget } from '../../protocol/enrolment.ts';
import type { PackageFormat } from '../../protocol/package-options.ts';

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
  if (platform === 'win-x64') {
    return [
      { what: 'Unpack (PowerShell)', command: `Expand-Archive -Path ${fileName} -DestinationPath .` },
      { what: 'Start', command: `powershell -ExecutionPolicy Bypass -File ${folder}\\start.ps1` },
    ];
  }
  const unpack = format === 'zip' ? `unzip ${fileName}` : `tar -xzf ${fileName}`;
  return [
    { what: 'Unpack', command: unpack },
    { what: 'Start', command: `cd ${folder} && ./start.sh` },
  ];
}
