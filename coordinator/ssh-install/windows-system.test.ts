import { hostname, userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { OutrunnerError } from '../../protocol/problems.ts';
import { thisComputer } from './this-computer.ts';
import { windowsSystem } from './windows-system.ts';

const LOCAL = "C:\\Users\\Jörg O'Hara 日本\\AppData\\Local";
const ENV = {
  SYSTEMROOT: 'C:\\WINDOWS',
  LOCALAPPDATA: LOCAL,
  Path: 'C:\\evil',
  TEMP: 'D:\\everybody',
  TMP: 'D:\\everybody',
  PSModulePath: 'C:\\Program Files\\PowerShell\\7\\Modules',
  USERNAME: "Jörg O'Hara 日本",
  ELECTRON_RUN_AS_NODE: '1',
  HTTPS_PROXY: 'http://secret@proxy',
  OUTRUNNER_TOKEN: 'secret',
};

describe('what an installation needs of Windows', () => {
  it('takes PowerShell from the folder of Windows, and the folder of the profile, whatever PATH and TEMP say', () => {
    const { powershell, temporary, words } = windowsSystem(ENV, 'x64', '10.0.26100');
    expect(powershell).toBe('C:\\WINDOWS\\System32\\WindowsPowerShell\\v1.0\\powershell.exe');
    expect(temporary).toBe(`${LOCAL}\\Temp`);
    expect(words).toBe('Windows x64, 10.0.26100');
  });

  it('passes on who and where one is, and nothing that we were told', () => {
    expect(windowsSystem(ENV, 'x64', '10.0.26100').env).toEqual({
      SystemRoot: 'C:\\WINDOWS',
      LOCALAPPDATA: LOCAL,
      PATH: 'C:\\evil',
      USERNAME: "Jörg O'Hara 日本",
      TEMP: `${LOCAL}\\Temp`,
      TMP: `${LOCAL}\\Temp`,
    });
  });

  it('is x64, also by emulation, which Windows on ARM has from Windows 11 on', () => {
    expect(windowsSystem(ENV, 'arm64', '10.0.22000').words).toBe('Windows on ARM, as x64, 10.0.22000');
    expect(problemOf(ENV, 'arm64', '10.0.19045')).toMatch(/from Windows 11 on; this is 10\.0\.19045/);
    expect(problemOf(ENV, 'ia32')).toMatch(/is for x64; this is ia32/);
  });

  it.each(['LOCALAPPDATA', 'SYSTEMROOT'])('names %s when that is no folder', (name) => {
    for (const value of ['', 'Windows', '\\Windows', 'C:Windows', '..\\Windows', '/windows'])
      expect(problemOf({ ...ENV, [name]: value }).toUpperCase()).toContain(
        `VARIABLE ${name} IS "${value.toUpperCase()}"`,
      );
  });
});

function problemOf(env: NodeJS.ProcessEnv, architecture = 'x64', release = '10.0.26100'): string {
  try {
    windowsSystem(env, architecture, release);
  } catch (error) {
    if (error instanceof OutrunnerError && error.code === 'install-here-impossible') return error.message;
    throw error;
  }
  return expect.fail('it was taken');
}

it.each(['win32', 'darwin', 'linux'] as const)('a Runner can be put on this computer when it is %s', (platform) => {
  expect(thisComputer(platform)).toMatchObject({ host: hostname(), user: userInfo().username });
});
