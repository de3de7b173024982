import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { installOnWindows } from '../ssh-install/install-on-windows.ts';
import type { ThisComputer } from '../ssh-install/this-computer.ts';
import type { WindowsSystem } from '../ssh-install/windows-system.ts';

const SeenSchema = z.object({ args: z.array(z.string()), cwd: z.string(), env: z.record(z.string(), z.string()) });

/** What PowerShell does instead of running the script. */
export type Behaviour = 'says nothing' | 'is forbidden';

/** Folders that stand for those of a Windows, and a program that stands for its PowerShell (`powershell-stand-in.ts`). */
export class StandInWindows {
  readonly base: string;
  readonly system: WindowsSystem;

  /** `base`: of one that is there already. */
  constructor(base?: string) {
    // As a person may be called there.
    this.base = base ?? mkdtempSync(join(tmpdir(), "outrunner Jörg O'Hara 日本-"));
    const temporary = join(this.base, 'Temp');
    const powershell = join(this.base, 'System32', 'powershell.exe');
    this.system = {
      words: 'Windows x64, 10.0.26100',
      powershell,
      temporary,
      env: { PATH: process.env.PATH ?? '', USERPROFILE: this.home, TEMP: temporary },
    };
    if (base !== undefined) return;
    for (const folder of [this.home, join(this.home, 'run'), dirname(powershell)]) mkdirSync(folder);
    const stand = join(import.meta.dirname, 'powershell-stand-in.ts');
    writeFileSync(powershell, `#!/bin/sh\nexec "${process.execPath}" "${stand}" "$@"\n`);
    chmodSync(powershell, 0o755);
  }

  get home(): string {
    return join(this.base, 'home');
  }

  /** What lies in the temporary folder. */
  leftovers(): string[] {
    return existsSync(this.system.temporary) ? readdirSync(this.system.temporary) : [];
  }

  behave(how: Behaviour): void {
    writeFileSync(join(this.home, 'behaviour'), how);
  }

  /** How PowerShell was called; null: it was not. */
  seen(): z.infer<typeof SeenSchema> | null {
    const file = join(this.home, 'seen.json');
    return existsSync(file) ? SeenSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : null;
  }

  computer(): ThisComputer {
    const install: ThisComputer['install'] = (what, ports, signal) =>
      installOnWindows(what, () => this.system, ports, signal);
    return { host: 'DESK', user: 'jörg', install };
  }

  remove(): void {
    rmSync(this.base, { recursive: true });
  }
}
