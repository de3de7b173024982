import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { powershellWord } from '../../protocol/shell-words.ts';
import { saidToUs } from './remote-commands.ts';
import { runInstallScript } from './windows-script.ts';
import { windowsSystem } from './windows-system.ts';

/** What the stand-in for PowerShell cannot show: what PowerShell makes of what it is told. */
describe.skipIf(process.platform !== 'win32')('the PowerShell of Windows itself (needs Windows)', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "outrunner Jörg O'Hara 日本-"));
  });
  afterEach(() => rm(folder, { recursive: true, maxRetries: 5 }));

  /** Runs these lines as the script of a package. */
  async function run(lines: readonly string[], start = true) {
    const script = join(folder, 'install.ps1');
    // With its mark: 5.1 reads a script without one in the code page of the host.
    await writeFile(script, `\ufeff${lines.join('\r\n')}\r\n`);
    const printed: string[] = [];
    const onLine = (line: string) => void printed.push(line.trimEnd());
    const system = windowsSystem(process.env, process.arch, release());
    const ran = await runInstallScript(system, script, { name: 'mine', start }, { onLine, onErrorLine: onLine });
    return { printed, code: ran.code, said: saidToUs(ran.stdout) };
  }
  const PARAMETERS = 'param([switch] $User, [string] $Name, [switch] $NoStart)';

  it.each([
    [true, 'False'],
    [false, 'True'],
  ])('gives the script its parameters, and says how it ended (start: %s)', async (start, noStart) => {
    const { printed, code, said } = await run([PARAMETERS, 'Write-Output "$User $Name $NoStart"', 'exit 33'], start);
    expect(printed).toEqual([`True mine ${noStart}`, 'outrunner-ssh:exit=33']);
    expect([code, said.get('exit')]).toEqual([33, '33']);
  });

  it('prints UTF-8: its own lines, those of standard error, and those of programs in it', async () => {
    await writeFile(join(folder, 'print.cjs'), "console.log('Größe 日本'); process.exitCode = 30;");
    const { printed, said } = await run([
      PARAMETERS,
      "Write-Output 'Straße'",
      "[Console]::Error.WriteLine('Öffnen')",
      `& ${powershellWord(process.execPath)} (Join-Path $PSScriptRoot 'print.cjs')`,
      'exit $LASTEXITCODE',
    ]);
    for (const line of ['Straße', 'Öffnen', 'Größe 日本']) expect(printed).toContain(line);
    expect(said.get('exit')).toBe('30');
  });

  it('says what a script was stopped by', async () => {
    const { printed, code, said } = await run([PARAMETERS, "throw 'Größe 日本'"]);
    expect(printed).toContain('outrunner: Größe 日本');
    expect([code, said.get('exit')]).toEqual([1, '1']);
  });

  it('checks what it is given with its own modules', async () => {
    const { printed } = await run([
      PARAMETERS,
      '(Get-FileHash -LiteralPath $PSCommandPath -Algorithm SHA256).Hash.Length',
      'exit 0',
    ]);
    expect(printed[0]).toBe('64');
  });
});
