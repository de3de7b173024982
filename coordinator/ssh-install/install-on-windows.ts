import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { OutrunnerError } from '../../protocol/problems.ts';
import type { PackageSource, SshInstallPorts, WhatHere } from './install-ports.ts';
import { damaged, InstallSteps, SPARE_BYTES, verifiedWords } from './install-steps.ts';
import { asFileProblem, makePrivateFolder, type PrivateFolder, removeAbandoned } from './private-folder.ts';
import { saidToUs } from './remote-commands.ts';
import { megabytes } from './remote-folder.ts';
import { unpackZip } from './unpack-zip.ts';
import { FORBIDDEN, runInstallScript } from './windows-script.ts';
import type { WindowsSystem } from './windows-system.ts';

const SCRIPT = 'install.ps1';
/** How long an installation that was ended waits for its script: half an installation is worse than a folder that stays. */
const SCRIPT_WITHIN_MS = 15 * 60_000;

/**
 * Puts a Runner on this Windows, for its user alone: the same steps as elsewhere, by this process and not by a shell. `system`
 * looks at the computer; what is in the way there is what the first step says.
 * @throws OutrunnerError that names what is in the way and what to do; the reason of `signal` when that ended it.
 */
export async function installOnWindows(
  what: WhatHere,
  system: () => WindowsSystem,
  ports: SshInstallPorts,
  signal: AbortSignal,
): Promise<void> {
  await new WindowsInstall(what, ports, signal).whole(system);
}

class WindowsInstall {
  readonly #what: WhatHere;
  readonly #ports: SshInstallPorts;
  readonly #steps: InstallSteps;
  /** Set while the script runs: resolves when it has ended, however. */
  #script: Promise<unknown> | null = null;

  constructor(what: WhatHere, ports: SshInstallPorts, signal: AbortSignal) {
    this.#what = what;
    this.#ports = ports;
    this.#steps = new InstallSteps(ports, signal, 'detect');
  }

  async whole(look: () => WindowsSystem): Promise<void> {
    let folder: PrivateFolder | null = null;
    let need = 0;
    try {
      const system = this.#detect(look);
      const source = await this.#steps.getPackage({ platform: 'win-x64', words: system.words });
      need = source.size + source.unpackedSize + SPARE_BYTES;
      folder = await this.#makeFolder(system, need);
      await this.#upload(folder, source);
      await this.#verify(folder, source);
      await this.#install(folder, system);
      await this.#steps.start(this.#what.start);
    } catch (error) {
      throw this.#steps.failed(asFileProblem(error, need));
    } finally {
      await this.#clean(folder);
    }
  }

  #detect(look: () => WindowsSystem): WindowsSystem {
    this.#steps.begin('detect', 'Looking at this computer…');
    const system = look();
    if (!existsSync(system.powershell)) {
      const detail = `Windows PowerShell is not where Windows has it (${system.powershell}).`;
      throw new OutrunnerError('install-here-impossible', { detail });
    }
    this.#steps.done(`${system.words}.`);
    return system;
  }

  async #makeFolder({ temporary }: WindowsSystem, need: number): Promise<PrivateFolder> {
    const { clock } = this.#ports;
    this.#steps.begin('upload', `Making a private folder, with room for ${megabytes(need)}…`);
    await removeAbandoned(temporary, clock);
    return makePrivateFolder(temporary, clock, need);
  }

  async #upload(folder: PrivateFolder, source: PackageSource): Promise<void> {
    const file = createWriteStream(packageIn(folder), { flags: 'wx', mode: 0o600 });
    await pipeline(this.#steps.upload(source, folder.path), file, { signal: this.#steps.signal });
    this.#steps.uploaded(source);
  }

  /** What lies there is compared, not what was written: nothing of it is unpacked before. */
  async #verify(folder: PrivateFolder, source: PackageSource): Promise<void> {
    const { signal } = this.#steps;
    this.#steps.begin('verify', 'Comparing SHA-256…');
    const hash = createHash('sha256');
    await pipeline(createReadStream(packageIn(folder)), hash, { signal });
    const found = hash.digest('hex');
    if (found !== source.sha256) throw damaged(source, found);
    await unpackZip(packageIn(folder), source.folder, unpackedIn(folder), signal);
    // What it took is free before the installation needs room.
    await rm(packageIn(folder));
    this.#steps.done(verifiedWords(source));
  }

  async #install(folder: PrivateFolder, system: WindowsSystem): Promise<void> {
    this.#steps.begin('install', `${SCRIPT} runs…`);
    const script = join(unpackedIn(folder), SCRIPT);
    if (!existsSync(script)) {
      throw new OutrunnerError('ssh-install-failed', { detail: `The package has no ${SCRIPT}.` });
    }
    const lines: string[] = [];
    const onLine = this.#steps.hearScript(lines);
    const running = runInstallScript(system, script, this.#what, { onLine, onErrorLine: onLine });
    this.#script = running.catch(() => undefined);
    const ran = await this.#steps.unlessAborted(running.catch(notStarted));
    this.#script = null;
    if (saidToUs(ran.stdout).get('refused')?.startsWith(FORBIDDEN)) throw forbidden(lines);
    this.#steps.scriptEnded(SCRIPT, ran, lines.join('\n'));
  }

  async #clean(folder: PrivateFolder | null): Promise<void> {
    if (folder === null) return;
    const tell = (state: 'running' | 'done' | 'left', detail: string) => this.#ports.tell('clean', { state, detail });
    const script = this.#script;
    if (script !== null) {
      tell('running', `${SCRIPT} comes to its end…`);
      if (!(await this.#ended(script))) {
        // While we live; else it is abandoned, and the next installation finds it.
        void script.then(() => folder.remove());
        return tell('left', `${SCRIPT} still runs; ${folder.path} is removed when it has ended.`);
      }
    }
    tell('running', `Removing ${folder.path}…`);
    const why = await folder.remove();
    if (why === null) tell('done', `${folder.path} is removed.`);
    else tell('left', `${folder.path} cannot be removed now (${why}); the next installation from here removes it.`);
  }

  async #ended(script: Promise<unknown>): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    const timer = this.#ports.clock.after(SCRIPT_WITHIN_MS, () => late.resolve(false));
    const ended = await Promise.race([script.then(() => true), late.promise]);
    timer.cancel();
    return ended;
  }
}

function packageIn({ path }: PrivateFolder): string {
  return join(path, 'package.zip');
}

function unpackedIn({ path }: PrivateFolder): string {
  return join(path, 'package');
}

function notStarted(error: unknown): never {
  const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const detail = `Windows PowerShell could not be started (${why}); a policy of this computer may forbid it.`;
  throw new OutrunnerError('ssh-install-failed', { detail, cause: error });
}

function forbidden(lines: readonly string[]): OutrunnerError {
  const said = lines.at(-1)?.replace(/^outrunner: /, '') ?? 'it said no more';
  const detail = `A policy of this computer forbids scripts of PowerShell: ${said}`;
  return new OutrunnerError('ssh-install-failed', { detail });
}
